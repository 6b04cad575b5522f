/* The registry in PostgreSQL: one place for many hosts.
 *
 * A write transaction takes an advisory lock before it reads anything, and then reads what is committed: as one writer works at a
 * time, the numbers that it gets rise in the order of commits, nothing that it read changes under it, and nothing ever has to be
 * tried again. (SERIALIZABLE would let two publish at once, the one with the lower number second, and would have each caller
 * prepared to start over.) Reads within one transaction see one state of it all (REPEATABLE READ), and wait for nobody.
 *
 * Rows come one by one, so that a large answer needs no memory. As a connection can only do one thing at a time, a statement
 * that is started while another has rows on their way has them read first, into memory.
 *
 * A connection that is lost ends what was in hand, with an error. The next operation connects anew; what was lost is not repeated,
 * since it may have been done. */
#include <libpq-fe.h>

#include <endian.h>
#include <poll.h>
#include <string.h>

#include "lib/digest.h"
#include "lib/lazy.h"
#include "registry/db.h"

#define CACHED 256
#define VALUES_MOST 65535               /* of the protocol */
#define OLDEST 120000                   /* server: everything that is said to it is known by 12 */
enum { OID_BOOL = 16, OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23, OID_TEXT = 25, OID_NUMERIC = 1700 };

struct statement {
        struct reg_stmt head;
        char *sql;
        /* As bound; numbers are sent as eight bytes, big end first. */
        char *types;                    /* one letter each, as of reg_sql_bind() */
        uint64_t *numbers;
        const char **values;
        int *lengths, *formats, n;
        PGresult *row;                  /* the one that is looked at */
        PGresult **waiting;             /* read already, when another statement needed the connection */
        size_t n_waiting, at;
        bool started, complete;         /* complete: no more is on its way */
        bool cut;                       /* what was on its way did not all come */
};

struct postgres {
        PGconn *conn;
        struct statement *active;       /* whose rows are on their way */
        struct cached { char *key; bool prepared; } cache[CACHED];      /* by hash */
        struct bk_error last;
        char *url;                      /* may hold a password */
};

/* --- errors -------------------------------------------------------------------- */
/* By SQLSTATE, or its beginning: the first that fits. (PostgreSQL, appendix A.) */
static const struct { const char *state; enum bk_kind kind; const char *advice; } kinds[] = {
        { "53100", BK_NO_SPACE, "nothing was changed; the server's disk is full" },
        { "53",    BK_INFRA,    "the server is short of something; try again later" },
        { "55P03", BK_LOCKED,   "somebody else was using it for too long; try again" },
        { "40",    BK_LOCKED,   "somebody else was quicker; try again" },
        { "57014", BK_TIMEOUT,  "nothing was changed; the server's statement_timeout, or somebody, ended it" },
        { "57",    BK_INFRA,    "the server was stopped or is starting; try again" },
        { "08",    BK_INFRA,    "try again" },
        { "25006", BK_DENIED,   "you may read it only: a standby server, or a role that may not write" },
        { "25P03", BK_INFRA,    "it paused for too long; try again" },
        { "42501", BK_DENIED,   "the role that bakery connects as must own the tables, or be granted what it is to do" },
        { "54",    BK_INVALID,  "a text is too long to be recorded" },
        { "22",    BK_INVALID,  "a text or number cannot be recorded" },
        { "23",    BK_INTERNAL, "the record contradicts what is there" },
        { "58",    BK_INFRA,    "the server could not read or write its files" },
        { "XX001", BK_CORRUPT,  "restore it from a backup" },
        { "XX002", BK_CORRUPT,  "restore it from a backup" },
        { "",      BK_INTERNAL, "a defect, or a database that was changed by hand" },
};

/* libpq cannot tell an SQLSTATE of a connection that was refused, only its text. */
static const struct { const char *text; enum bk_kind kind; const char *advice; } refusals[] = {
        { "password",           BK_DENIED,      "give the right one in PGPASSWORD or ~/.pgpass" },
        { "authentication",     BK_DENIED,      "check the user in BAKERY_DB and the server's pg_hba.conf" },
        { "pg_hba.conf",        BK_DENIED,      "the server's pg_hba.conf must let this host in" },
        { "permission denied",  BK_DENIED,      "grant the role CONNECT on the database" },
        { "role \"",            BK_DENIED,      "create it with `createuser`, or name another in BAKERY_DB" },
        { "database \"",        BK_NOT_FOUND,   "create it with `createdb -E UTF8 -T template0`" },
        { "",                   BK_INFRA,       "is the server there, and is BAKERY_DB right?" },
};

static struct postgres *pg_of(struct reg *reg)
{
        return reg->db;
}

/* One line, without the end. */
static char *one_line(const char *text)
{
        char *line = bk_strdup(text);
        size_t length = 0;

        for (const char *p = text; *p != '\0'; p++)
                if (*p != '\n' && *p != '\t')
                        line[length++] = *p;
                else if (length > 0 && line[length - 1] != ' ')
                        line[length++] = ' ';
        while (length > 0 && line[length - 1] == ' ')
                length--;
        line[length] = '\0';
        return line;
}

static int fail(struct reg *reg, struct bk_error *err)
{
        if (err != NULL)
                *err = pg_of(reg)->last;
        return -1;
}

/* result may be NULL: the connection's own trouble. */
static int fail_with(struct reg *reg, const PGresult *result, struct bk_error *err)
{
        struct postgres *pg = pg_of(reg);
        const char *state = result == NULL ? NULL : PQresultErrorField(result, PG_DIAG_SQLSTATE);
        const char *text = result == NULL ? NULL : PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
        autofree char *line = one_line(text != NULL ? text : PQerrorMessage(pg->conn));
        size_t i = 0;

        if (PQstatus(pg->conn) == CONNECTION_BAD || state == NULL) {
                (void)bk_fail(&pg->last, BK_INFRA, "registry '%s': the connection was lost: %.300s; %stry again", reg->path, line,
                              reg->in_txn ? "nothing was changed; " : "");
                return fail(reg, err);
        }
        while (strncmp(kinds[i].state, state, strlen(kinds[i].state)) != 0)
                i++;
        (void)bk_fail(&pg->last, kinds[i].kind, "registry '%s': %.500s (%s); %s", reg->path, line, state, kinds[i].advice);
        return fail(reg, err);
}

static int fail_to_connect(struct reg *reg, struct bk_error *err)
{
        struct postgres *pg = pg_of(reg);
        autofree char *line = one_line(PQerrorMessage(pg->conn));
        size_t i = 0;

        while (strstr(line, refusals[i].text) == NULL)
                i++;
        (void)bk_fail(&pg->last, refusals[i].kind, "registry '%s': %.500s; %s", reg->path, line, refusals[i].advice);
        return fail(reg, err);
}

/* --- the connection ------------------------------------------------------------ */
static void forget_prepared(struct postgres *pg)
{
        for (size_t i = 0; i < CACHED; i++) {
                free(pg->cache[i].key);
                pg->cache[i] = (struct cached){ 0 };
        }
}

/* A commit that was reported is on the disk, and nobody waits without end. What the URL or the role sets stays. */
static const char session[] =
        "SELECT set_config('lock_timeout', CASE current_setting('lock_timeout') WHEN '0' THEN '30s' ELSE current_setting('lock_timeout') END, false),"
        " set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on'"
        "  ELSE current_setting('synchronous_commit') END, false),"
        " set_config('idle_in_transaction_session_timeout', CASE current_setting('idle_in_transaction_session_timeout') WHEN '0' THEN '10min'"
        "  ELSE current_setting('idle_in_transaction_session_timeout') END, false),"
        /* Statements are many, short, and made so that an index is walked: planning each anew took six times as long as the answer. */
        " set_config('plan_cache_mode', CASE current_setting('plan_cache_mode') WHEN 'auto' THEN 'force_generic_plan'"
        "  ELSE current_setting('plan_cache_mode') END, false),"
        " set_config('jit', 'off', false),"
        " current_schema(), current_setting('transaction_read_only')";

static int check_session(struct reg *reg, const PGresult *row, struct bk_error *err)
{
        const char *encoding = PQparameterStatus(pg_of(reg)->conn, "server_encoding");

        if (PQserverVersion(pg_of(reg)->conn) < OLDEST)
                return bk_fail(err, BK_INVALID, "registry '%s': the server is PostgreSQL %d, and bakery needs 12 or newer", reg->path,
                               PQserverVersion(pg_of(reg)->conn) / 10000);
        if (!bk_streq(encoding, "UTF8"))
                return bk_fail(err, BK_INVALID, "registry '%s' has the encoding %s; make a database by `createdb -E UTF8 -T template0`",
                               reg->path, encoding == NULL ? "unknown" : encoding);
        if (PQgetisnull(row, 0, 5))
                return bk_fail(err, BK_INVALID, "registry '%s': no schema of the role's search_path exists; create one", reg->path);
        reg->read_only = bk_streq(PQgetvalue(row, 0, 6), "on");
        return 0;
}

static int begin_session(struct reg *reg, struct bk_error *err)
{
        struct postgres *pg = pg_of(reg);
        PGresult *result;
        int status;

        if (PQstatus(pg->conn) != CONNECTION_OK)
                return fail_to_connect(reg, err);
        result = PQexec(pg->conn, session);
        status = PQresultStatus(result) == PGRES_TUPLES_OK ? check_session(reg, result, err) : fail_with(reg, result, err);
        PQclear(result);
        return status;
}

/* Is it still there? What the server said while nobody listened may be that it ends the connection. */
static bool is_lost(struct postgres *pg)
{
        struct pollfd fd = { .fd = PQsocket(pg->conn), .events = POLLIN };

        for (int i = 0; i < 4 && PQstatus(pg->conn) == CONNECTION_OK && poll(&fd, 1, 0) > 0; i++)
                if (PQconsumeInput(pg->conn) == 0)
                        return true;
        return PQstatus(pg->conn) != CONNECTION_OK;
}

/* Before anything is said. Within a transaction a lost connection stays lost. */
static int ensure(struct reg *reg, struct bk_error *err)
{
        struct postgres *pg = pg_of(reg);

        if (reg->in_txn || pg->active != NULL)
                return PQstatus(pg->conn) == CONNECTION_OK ? 0 : fail(reg, err);
        if (!is_lost(pg))
                return 0;
        forget_prepared(pg);
        PQreset(pg->conn);
        return begin_session(reg, err);
}

static void quiet(void *arg, const PGresult *result)
{
        (void)arg;
        (void)result;
}

/* What it is called in messages: without the password. */
static char *display(PGconn *conn)
{
        const char *host = PQhost(conn), *user = PQuser(conn), *name = PQdb(conn);
        const bool socket = host == NULL || *host == '/' || *host == '\0';

        return bk_format("postgresql://%s@%s/%s%s%s", user == NULL ? "" : user, socket ? "" : host, name == NULL ? "" : name,
                         socket && host != NULL && *host != '\0' ? "?host=" : "", socket && host != NULL ? host : "");
}

/* What stands before the URL may be overridden in it, what stands behind it may not. */
static int open_url(struct reg *reg, const char *url, struct bk_error *err)
{
        static const char *const keys[] = { "application_name", "connect_timeout", "keepalives_idle", "tcp_user_timeout", "dbname",
                                            "client_encoding", NULL };
        const char *const values[] = { "bakery", "10", "30", "60000", url, "UTF8", NULL };
        struct postgres *pg = bk_alloc(sizeof *pg);
        PQconninfoOption *options;

        reg->db = pg;
        reg->path = bk_strdup("postgresql://...");
        if (bk_lazy_need("libpq.so", err) < 0)
                return -1;
        options = PQconninfoParse(url, NULL);
        if (options == NULL)
                return bk_fail(err, BK_USAGE, "BAKERY_DB cannot be understood; it is postgresql://USER@HOST:PORT/DATABASE, "
                               "with %%XX for what is special in them");
        PQconninfoFree(options);
        pg->url = bk_strdup(url);
        pg->conn = PQconnectdbParams(keys, values, 1);
        if (pg->conn == NULL)
                return bk_fail(err, BK_INFRA, "libpq does not start");
        (void)PQsetNoticeReceiver(pg->conn, quiet, NULL);
        free(reg->path);
        reg->path = display(pg->conn);
        return begin_session(reg, err);
}

static void close_url(struct reg *reg)
{
        struct postgres *pg = pg_of(reg);

        if (pg == NULL)
                return;
        forget_prepared(pg);
        if (pg->conn != NULL)
                PQfinish(pg->conn);
        free(pg->url);
        free(pg);
}

/* --- statements ------------------------------------------------------------------ */
static struct statement *of(struct reg_stmt *stmt)
{
        return (struct statement *)stmt;
}

static int prepare(struct reg *reg, const char *sql, struct reg_stmt **ret, struct bk_error *err)
{
        struct statement *s = bk_alloc(sizeof *s);

        (void)err;              /* the server sees it when it is run: only then the types of its parameters are known */
        *s = (struct statement){ .head.reg = reg, .sql = reg_dialect_statement(sql) };
        *ret = &s->head;
        return 0;
}

/* The next result of the active statement; 1 with a row in *ret, 0 at its end, -1. */
static int receive(struct statement *s, PGresult **ret, struct bk_error *err)
{
        struct reg *reg = s->head.reg;
        struct postgres *pg = pg_of(reg);
        PGresult *result = PQgetResult(pg->conn), *more;
        int status = 0;

        if (PQresultStatus(result) == PGRES_SINGLE_TUPLE) {
                *ret = result;
                return 1;
        }
        if (result == NULL || (PQresultStatus(result) != PGRES_TUPLES_OK && PQresultStatus(result) != PGRES_COMMAND_OK))
                status = fail_with(reg, result, err);
        while (result != NULL && (more = PQgetResult(pg->conn)) != NULL)
                PQclear(more);
        PQclear(result);
        s->complete = true;
        pg->active = NULL;
        return status;
}

/* Reads the rest of what is on its way, and keeps it, or not. */
static int settle(struct reg *reg, bool keep, struct bk_error *err)
{
        struct statement *s = pg_of(reg)->active;
        PGresult *row = NULL;
        int status;

        if (s == NULL)
                return 0;
        while ((status = receive(s, &row, err)) > 0) {
                if (!keep) {
                        PQclear(row);
                        continue;
                }
                if ((s->n_waiting & (s->n_waiting + 1)) == 0)
                        s->waiting = bk_grow(s->waiting, 2 * (s->n_waiting + 1), sizeof *s->waiting);
                s->waiting[s->n_waiting++] = row;
        }
        s->cut = status < 0;
        return status;
}

static void reset(struct reg_stmt *stmt)
{
        struct statement *s = of(stmt);

        if (pg_of(stmt->reg)->active == s)
                (void)settle(stmt->reg, false, NULL);
        PQclear(bk_take(s->row));
        for (; s->at < s->n_waiting; s->at++)
                PQclear(s->waiting[s->at]);
        s->at = s->n_waiting = 0;
        s->started = s->complete = s->cut = false;
}

static void finish(struct reg_stmt *stmt)
{
        struct statement *s = of(stmt);

        reset(stmt);
        free(s->waiting);
        free(s->types);
        free(s->numbers);
        free(s->values);
        free(s->lengths);
        free(s->formats);
        free(s->sql);
        free(s);
}

static int bind(struct reg_stmt *stmt, const struct reg_value *v, size_t n, struct bk_error *err)
{
        struct statement *s = of(stmt);

        if (n > VALUES_MOST)
                return bk_fail(err, BK_INVALID, "%zu values in one statement; %d are the most", n, VALUES_MOST);
        s->n = (int)n;
        s->types = bk_grow(s->types, n + 1, 1);
        s->numbers = bk_grow(s->numbers, n + 1, sizeof *s->numbers);
        s->values = bk_grow(s->values, n + 1, sizeof *s->values);
        s->lengths = bk_grow(s->lengths, n + 1, sizeof *s->lengths);
        s->formats = bk_grow(s->formats, n + 1, sizeof *s->formats);
        for (size_t i = 0; i < n; i++) {
                const bool text = v[i].text != NULL || v[i].null == 't';

                s->types[i] = text ? 't' : 'i';
                s->numbers[i] = htobe64((uint64_t)v[i].number);
                s->values[i] = v[i].null != '\0' ? NULL : text ? v[i].text : (const char *)&s->numbers[i];
                s->lengths[i] = text ? 0 : (int)sizeof s->numbers[i];
                s->formats[i] = !text;
        }
        s->types[n] = '\0';
        return 0;
}

static int command(struct reg *reg, const char *sql, struct bk_error *err)
{
        PGresult *result = PQexec(pg_of(reg)->conn, sql);
        const ExecStatusType status = PQresultStatus(result);
        const int failed = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY ? 0 :
                           fail_with(reg, result, err);

        PQclear(result);
        return failed;
}

/* Prepares what is said a second time. name: of a prepared statement, or empty. */
static int look_up(struct statement *s, const Oid *types, char name[16], struct bk_error *err)
{
        struct reg *reg = s->head.reg;
        autofree char *key = bk_format("%s %s", s->types == NULL ? "" : s->types, s->sql);
        const unsigned slot = bk_scatter(key, strlen(key)) % CACHED;
        struct cached *cached = &pg_of(reg)->cache[slot];
        PGresult *result;
        int status;

        name[0] = '\0';
        if (bk_streq(cached->key, key)) {
                (void)snprintf(name, 16, "s%u", slot);
                if (cached->prepared)
                        return 0;
                result = PQprepare(pg_of(reg)->conn, name, s->sql, s->n, types);
                status = PQresultStatus(result) == PGRES_COMMAND_OK ? 0 : fail_with(reg, result, err);
                PQclear(result);
                cached->prepared = status == 0;
                return status;
        }
        if (cached->prepared) {
                autofree char *drop = bk_format("DEALLOCATE s%u", slot);

                if (command(reg, drop, err) < 0)
                        return -1;
        }
        free(cached->key);
        *cached = (struct cached){ .key = bk_take(key) };
        return 0;
}

static int start(struct statement *s, struct bk_error *err)
{
        struct reg *reg = s->head.reg;
        struct postgres *pg = pg_of(reg);
        autofree Oid *types = bk_grow(NULL, (size_t)s->n + 1, sizeof *types);
        char name[16];
        int sent;

        for (int i = 0; i < s->n; i++)
                types[i] = s->types[i] == 't' ? OID_TEXT : OID_INT8;
        if (settle(reg, true, err) < 0 || ensure(reg, err) < 0 || look_up(s, types, name, err) < 0)
                return -1;
        sent = name[0] != '\0' ? PQsendQueryPrepared(pg->conn, name, s->n, s->values, s->lengths, s->formats, 0) :
                                 PQsendQueryParams(pg->conn, s->sql, s->n, types, s->values, s->lengths, s->formats, 0);
        if (sent == 0 || PQsetSingleRowMode(pg->conn) == 0)
                return fail_with(reg, NULL, err);
        pg->active = s;
        s->started = true;
        s->complete = false;
        return 0;
}

static int step(struct reg_stmt *stmt, struct bk_error *err)
{
        struct statement *s = of(stmt);
        int status = 0;

        if (!s->started && start(s, err) < 0)
                return -1;
        PQclear(bk_take(s->row));
        if (s->at < s->n_waiting) {
                s->row = s->waiting[s->at++];
                return 1;
        }
        if (s->cut)
                status = fail(stmt->reg, err);
        else if (!s->complete)
                status = receive(s, &s->row, err);
        if (status <= 0)
                reset(stmt);            /* said again, it runs again */
        return status;
}

/* --- columns --------------------------------------------------------------------- */
static int columns(struct reg_stmt *stmt)
{
        return PQnfields(of(stmt)->row);
}

static const char *column_name(struct reg_stmt *stmt, int column)
{
        return PQfname(of(stmt)->row, column);
}

static bool column_is_null(struct reg_stmt *stmt, int column)
{
        return PQgetisnull(of(stmt)->row, 0, column) != 0;
}

static const char *column_text(struct reg_stmt *stmt, int column)
{
        return column_is_null(stmt, column) ? NULL : PQgetvalue(of(stmt)->row, 0, column);
}

static int64_t column_int(struct reg_stmt *stmt, int column)
{
        const char *text = column_text(stmt, column);

        return text == NULL ? 0 : PQftype(of(stmt)->row, column) == OID_BOOL ? *text == 't' : strtoll(text, NULL, 10);
}

static bool column_is_int(struct reg_stmt *stmt, int column)
{
        static const Oid integers[] = { OID_BOOL, OID_INT8, OID_INT2, OID_INT4, OID_NUMERIC };  /* a sum of integers is numeric */

        for (size_t i = 0; i < sizeof integers / sizeof *integers; i++)
                if (PQftype(of(stmt)->row, column) == integers[i])
                        return !column_is_null(stmt, column);
        return false;
}

static int script(struct reg *reg, const char *sql, struct bk_error *err)
{
        return settle(reg, true, err) < 0 || ensure(reg, err) < 0 ? -1 : command(reg, sql, err);
}

/* --- transactions ----------------------------------------------------------------- */
static void rollback(struct reg *reg)
{
        struct postgres *pg = pg_of(reg);

        (void)settle(reg, false, NULL);
        if (PQstatus(pg->conn) == CONNECTION_OK && PQtransactionStatus(pg->conn) != PQTRANS_IDLE)
                PQclear(PQexec(pg->conn, "ROLLBACK"));
}

static int begin(struct reg *reg, bool write, struct bk_error *err)
{
        /* "BAKY" as a number: the lock is known by it. */
        static const char one_writer[] = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SELECT pg_advisory_xact_lock(1111575385, 0)";

        if (script(reg, write ? one_writer : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", err) == 0)
                return 0;
        rollback(reg);
        return -1;
}

static int commit(struct reg *reg, struct bk_error *err)
{
        struct postgres *pg = pg_of(reg);
        PGresult *result;
        int status = 0;

        if (settle(reg, true, err) < 0 || ensure(reg, err) < 0)
                return -1;
        result = PQexec(pg->conn, "COMMIT");
        if (PQstatus(pg->conn) == CONNECTION_BAD) {
                (void)bk_fail(&pg->last, BK_INFRA, "registry '%s': the connection was lost at the very end: it is recorded as a whole or "
                              "not at all; look which, and try again if not", reg->path);
                status = fail(reg, err);
        } else if (PQresultStatus(result) != PGRES_COMMAND_OK) {
                status = fail_with(reg, result, err);
        } else if (!bk_streq(PQcmdStatus(result), "COMMIT")) {
                /* A statement failed before and nobody said so. */
                (void)bk_fail(&pg->last, BK_INTERNAL, "registry '%s': nothing was changed, as a part of it had failed: a defect", reg->path);
                status = fail(reg, err);
        }
        PQclear(result);
        return status;
}

/* --- the schema --------------------------------------------------------------------- */
/* What belongs to an extension is nobody's data. */
static const char others[] =
        "SELECT count(*) FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')"
        " AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')";

static int version(struct reg *reg, int64_t *ret, struct bk_error *err)
{
        int64_t ours = 0, tables = 0, number = 0, may_write = 0;

        if (reg_sql_int(reg, &ours, err, "SELECT count(*) FROM pg_class WHERE relnamespace = current_schema()::regnamespace "
                        "AND relname = 'bakery_schema'", "") < 0)
                return -1;
        if (ours == 0) {
                if (reg_sql_int(reg, &tables, err, others, "") < 0)
                        return -1;
                if (tables != 0)
                        return bk_fail(err, BK_CORRUPT, "'%s' has %lld tables, and is not a registry of bakery; give bakery a database of "
                                       "its own", reg->path, (long long)tables);
        } else if (reg_sql_int(reg, &number, err, "SELECT version FROM bakery_schema", "") < 0 ||
                   reg_sql_int(reg, &may_write, err, "SELECT CASE WHEN has_table_privilege('image', 'INSERT') THEN 1 ELSE 0 END", "") < 0) {
                return -1;
        } else if (may_write == 0) {
                reg->read_only = true;
        }
        *ret = number;
        return 0;
}

static int set_version(struct reg *reg, int64_t number, struct bk_error *err)
{
        if (script(reg, "CREATE TABLE IF NOT EXISTS bakery_schema (version BIGINT NOT NULL)", err) < 0 ||
            script(reg, "DELETE FROM bakery_schema", err) < 0)
                return -1;
        return reg_sql_run(reg, err, "INSERT INTO bakery_schema (version) VALUES (?)", "i", number);
}

static int migrate(struct reg *reg, const char *sql, struct bk_error *err)
{
        autofree char *text = reg_dialect_schema(sql);

        return script(reg, text, err);
}

static int set_counter(struct reg *reg, const char *table, int64_t last, struct bk_error *err)
{
        static const char sql[] =
                "SELECT setval(d.objid::regclass, ?) FROM pg_depend d JOIN pg_class t ON t.oid = d.refobjid "
                "WHERE d.classid = 'pg_class'::regclass AND d.deptype = 'i' AND d.objid IN (SELECT seqrelid FROM pg_sequence) "
                "AND t.relnamespace = current_schema()::regnamespace AND t.relname = ?";

        return last < 1 ? 0 : reg_sql_run(reg, err, sql, "it", last, table);
}

/* A connection of its own, whose transaction lasts until it is closed. */
static int snapshot(struct reg *reg, struct reg **ret, struct bk_error *err)
{
        struct reg *copy = NULL;

        if (reg_open_url(pg_of(reg)->url, &copy, err) < 0)
                return -1;
        if (begin(copy, false, err) < 0 || command(copy, "SET LOCAL idle_in_transaction_session_timeout = 0", err) < 0) {
                reg_close(copy);
                return -1;
        }
        copy->in_txn = true;
        *ret = copy;
        return 0;
}

const struct reg_backend reg_backend_postgres = {
        .name = "PostgreSQL",
        .open = open_url, .close = close_url,
        .prepare = prepare, .finish = finish, .bind = bind, .step = step, .reset = reset,
        .columns = columns, .column_name = column_name, .column_text = column_text, .column_int = column_int,
        .column_is_int = column_is_int, .column_is_null = column_is_null,
        .script = script, .begin = begin, .commit = commit, .rollback = rollback,
        .version = version, .set_version = set_version, .migrate = migrate,
        .snapshot = snapshot,
        .tables = "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' "
                  "AND relname <> 'bakery_schema' ORDER BY relname",
        .references = "SELECT DISTINCT a.relname, b.relname FROM pg_constraint c JOIN pg_class a ON a.oid = c.conrelid "
                      "JOIN pg_class b ON b.oid = c.confrelid WHERE c.contype = 'f' AND c.conrelid <> c.confrelid "
                      "AND a.relnamespace = current_schema()::regnamespace",
        .columns_of = "SELECT attname, CASE WHEN atttypid = 'bigint'::regtype THEN 1 ELSE 0 END FROM pg_attribute a "
                      "JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace = current_schema()::regnamespace AND c.relname = ? "
                      "AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
        .counters = "SELECT t.relname, coalesce(pg_sequence_last_value(d.objid::regclass), 0) FROM pg_depend d "
                    "JOIN pg_class t ON t.oid = d.refobjid WHERE d.classid = 'pg_class'::regclass AND d.deptype = 'i' "
                    "AND d.objid IN (SELECT seqrelid FROM pg_sequence) AND t.relnamespace = current_schema()::regnamespace ORDER BY 1",
        .set_counter = set_counter,
        .short_values = "(octet_length(value) <= 2000)",
};
