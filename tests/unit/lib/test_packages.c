/* Package databases: real ones where the tools that make them are here, and broken ones. */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "lib/buf.h"
#include "lib/fs.h"
#include "lib/packages.h"
#include "tests/unit/lib/rpm.h"

struct place { char *home; int fd; struct bk_tree tree; struct bk_packages packages; struct bk_strv wanted; size_t unwanted; };

static int setup(void **state)
{
        struct place *p = bk_alloc(sizeof *p);
        char template[] = "/tmp/bakery-packages-XXXXXX";

        p->home = bk_strdup(mkdtemp(template));
        p->fd = open(p->home, O_PATH | O_DIRECTORY | O_CLOEXEC);
        p->tree = bk_tree_of_root(&p->fd);
        *state = p;
        return p->fd < 0 ? -1 : 0;
}

static int teardown(void **state)
{
        struct place *p = *state;
        struct bk_error err = { 0 };

        bk_packages_done(&p->packages);
        bk_strv_done(&p->wanted);
        (void)close(p->fd);
        assert_ok(bk_remove_tree(p->home, &err), err);
        free(p->home);
        free(p);
        return 0;
}

#define in_place(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static void put_bytes(struct place *p, const char *path, const void *bytes, size_t length)
{
        struct bk_error err = { 0 };

        assert_ok(bk_write_in_root(p->fd, path, bytes, length, 0644, &err), err);
}

static void put(struct place *p, const char *path, const char *text)
{
        put_bytes(p, path, text, strlen(text));
}

static int read_again(struct place *p, enum bk_ecosystem ecosystem, struct bk_error *err)
{
        bk_packages_done(&p->packages);
        const int ret = bk_packages_read(&p->tree, ecosystem, &p->packages, err);

        bk_packages_sort(&p->packages);
        return ret;
}

static void must_read(struct place *p, enum bk_ecosystem ecosystem, size_t n)
{
        struct bk_error err = { 0 };

        if (read_again(p, ecosystem, &err) != 1)
                fail_msg("%s is not read: %s", bk_ecosystem_name(ecosystem), err.text);
        if (p->packages.n != n) {
                for (size_t i = 0; i < p->packages.n; i++)
                        print_message("# %s %s\n", p->packages.v[i].name, p->packages.v[i].version);
                fail_msg("%zu packages of %s are expected, not %zu", n, bk_ecosystem_name(ecosystem), p->packages.n);
        }
}

/* NULL: not looked at. */
static const struct bk_package *has(const struct place *p, const char *name, const char *version, const char *architecture,
                                    const char *source, const char *source_version)
{
        const struct bk_package *found = bk_packages_find(&p->packages, name);

        if (found == NULL)
                fail_msg("'%s' is not there", name);
        assert_string_equal(found->version, version);
        if (architecture != NULL)
                assert_string_equal(found->architecture, architecture);
        if (source != NULL)
                assert_string_equal(found->source, source);
        if (source_version != NULL)
                assert_string_equal(found->source_version, source_version);
        return found;
}

static void dpkg_has_states_and_sources(void **state)
{
        struct place *p = *state;
        static const struct { const char *name; bool installed, unwanted; } rows[] = {
                { "a", true, false }, { "held", true, false }, { "gone", false, false }, { "half", false, false }, { "leaving", true, true },
                { "broken", true, true }, { "opkg", true, false }, { "tz", true, false }, { "zz", true, false },
        };

        put(p, "/var/lib/dpkg/status",
            "Package: a\nStatus: install ok installed\nArchitecture: amd64\nSource: src (1:2-3)\nVersion: 1:2-3+b1\nDescription: x\n Package: no\n\n"
            "Package: held\nStatus: hold ok installed\nSource: other\nVersion: 2\n\nPackage: gone\nStatus: deinstall ok config-files\nVersion: 1\n\n"
            "Package: half\nStatus: install ok half-configured\nVersion: 1\n\nPackage: leaving\nStatus: deinstall ok installed\nVersion: 1\n\n"
            "Package: broken\nStatus: install reinstreq installed\nVersion: 1\n\nVersion: 9\n\nPackage: zz\nStatus: install ok installed\nVersion: 0");
        put(p, "/var/lib/dpkg/status.d/tz", "Package: tz\nVersion: 2024a\n");
        put(p, "/var/lib/dpkg/status.d/tz.md5sums", "Package: nothing\n");
        put(p, "/usr/lib/opkg/status", "Package: opkg\nVersion: 1\nStatus: install user installed\n");
        must_read(p, BK_DEB, 9);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                const struct bk_package *found = bk_packages_find(&p->packages, rows[i].name);

                assert_non_null(found);
                assert_int_equal(found->installed, rows[i].installed);
                assert_int_equal(found->unwanted, rows[i].unwanted);
        }
        (void)has(p, "a", "1:2-3+b1", "amd64", "src", "1:2-3");
        (void)has(p, "held", "2", "", "other", "2");
        (void)has(p, "tz", "2024a", "", "tz", "2024a");
}

static void of_one_name_the_installed_and_newest_is_first(void **state)
{
        struct place *p = *state;

        put(p, "/var/lib/dpkg/status", "Package: k\nStatus: install ok installed\nVersion: 9\n\nPackage: k\nStatus: install ok installed\nVersion: 10\n\n"
            "Package: k\nStatus: deinstall ok config-files\nVersion: 11\n\nPackage: j\nVersion: 1\n\nPackage: l\nVersion: 1\n");
        must_read(p, BK_DEB, 5);
        (void)has(p, "k", "10", NULL, NULL, NULL);
        assert_string_equal(bk_packages_find(&p->packages, "k")[1].version, "9");
        assert_string_equal(bk_packages_find(&p->packages, "k")[2].version, "11");
        assert_null(bk_packages_find(&p->packages, "kk"));
        assert_null(bk_packages_find(&p->packages, ""));
}

static void apk_and_pacman_say_what_is_provided(void **state)
{
        struct place *p = *state;

        put(p, "/lib/apk/db/installed",
            "C:Q1abc=\nP:libcrypto3\nV:3.1.4-r0\nA:x86_64\nS:1\no:openssl\np:so:libcrypto.so.3=3 libcrypto=3.1\nF:lib\nR:x\n\nP:musl\nV:1.2.4-r2\n\n");
        must_read(p, BK_APK, 2);
        assert_string_equal(has(p, "libcrypto3", "3.1.4-r0", "x86_64", "openssl", "3.1.4-r0")->provides, "so:libcrypto.so.3=3 libcrypto=3.1");
        assert_null(has(p, "musl", "1.2.4-r2", "", "musl", NULL)->provides);
        put(p, "/var/lib/pacman/local/ALPM_DB_VERSION", "9\n");
        put(p, "/var/lib/pacman/local/bash-5.2.026-2/desc",
            "%NAME%\nbash\n\n%VERSION%\n5.2.026-2\n\n%BASE%\nbash-base\n\n%ARCH%\nx86_64\n\n%GROUPS%\nshells\n\n%PROVIDES%\nsh\nposix=1\n\n%DEPENDS%\nglibc\n\n");
        put(p, "/var/lib/pacman/local/junk/desc", "%VERSION%\n1\n");
        put(p, "/var/lib/pacman/local/empty/files", "");
        must_read(p, BK_ALPM, 1);
        assert_string_equal(has(p, "bash", "5.2.026-2", "x86_64", "bash-base", "5.2.026-2")->provides, "shells sh posix=1");
}

static void what_is_not_there_is_no_error(void **state)
{
        struct place *p = *state;
        struct bk_error err = { 0 };

        for (unsigned e = 0; e < BK_ECOSYSTEMS; e++)
                assert_int_equal(read_again(p, (enum bk_ecosystem)e, &err), 0);
        put(p, "/var/lib/dpkg/status", "");
        must_read(p, BK_DEB, 0);
}

/* --- rpm ------------------------------------------------------------------------------------------------------------ */

static void a_header_says_what_is_installed(void **state)
{
        struct place *p = *state;
        struct bk_error err = { 0 };
        BK_CLEANUP(bk_buf_done) struct bk_buf header = { 0 };
        const struct rpm_text texts[] = { { 1000, "bash" }, { 1001, "5.1.8" }, { 1002, "6.el9" }, { 1022, "x86_64" },
                                          { 1044, "bash-src-5.1.8-6.el9.src.rpm" } };

        rpm_header(&header, texts, 5, 3);
        assert_ok(bk_packages_parse_rpm_header(header.data, header.len, &p->packages, &err), err);
        assert_true(has(p, "bash", "3:5.1.8-6.el9", "x86_64", "bash-src", "5.1.8-6.el9")->installed);
        for (size_t n = 0; n < header.len; n++) {                       /* every shorter one is refused, and nothing past its end is read */
                autofree char *part = bk_grow(NULL, n + 1, 1);

                memcpy(part, header.data, n);
                part = bk_grow(part, n > 0 ? n : 1, 1);
                assert_fails_with(bk_packages_parse_rpm_header(part, n, &p->packages, &err), err, BK_CORRUPT);
        }
        for (size_t i = 0; i < header.len * 8; i++) {                   /* with any bit wrong it is read or refused */
                autofree char *copy = bk_grow(NULL, header.len, 1);

                memcpy(copy, header.data, header.len);
                copy[i / 8] ^= (char)(1U << (i % 8));
                if (bk_packages_parse_rpm_header(copy, header.len, &p->packages, &err) < 0)
                        assert_int_equal(err.kind, BK_CORRUPT);
        }
}

static void ndb_has_slots_and_blobs(void **state)
{
        struct place *p = *state;
        struct bk_error err = { 0 };
        BK_CLEANUP(bk_buf_done) struct bk_buf db = { 0 };

        rpm_ndb(&db, 40);
        put_bytes(p, "/usr/lib/sysimage/rpm/Packages.db", db.data, db.len);
        must_read(p, BK_RPM, 40);
        (void)has(p, "package-7", "1.7-1", "noarch", "package-7", NULL);
        put_bytes(p, "/usr/lib/sysimage/rpm/Packages.db", db.data, db.len - 64);
        assert_fails_with(read_again(p, BK_RPM, &err), err, BK_CORRUPT);
        assert_non_null(strstr(err.text, "'/usr/lib/sysimage/rpm/Packages.db'"));
        memcpy(db.data + 48 + 8, db.data + 32 + 8, 8);                  /* two slots, one blob */
        assert_int_equal(bk_packages_parse_rpm_ndb(db.data, db.len, &p->packages, &err), -1);
        memset(db.data + 12, 0xff, 4);
        assert_fails_with(bk_packages_parse_rpm_ndb(db.data, db.len, &p->packages, &err), err, BK_CORRUPT);
}

/* What is no database, or a broken one, is neither a crash nor an empty list. */
static void broken_rpm_databases_are_refused(void **state)
{
        static const char *const names[] = { "rpmdb.sqlite", "Packages.db", "Packages" };
        struct place *p = *state;
        struct bk_error err = { 0 };
        autofree char *zeros = bk_alloc(8192);

        for (size_t i = 0; i < 3; i++) {
                autofree char *path = bk_format("/var/lib/rpm/%s", names[i]);

                put(p, path, "");
                assert_fails_with(read_again(p, BK_RPM, &err), err, BK_CORRUPT);
                put_bytes(p, path, zeros, 8192);
                assert_fails_with(read_again(p, BK_RPM, &err), err, BK_CORRUPT);
                put(p, path, "SQLite format 3");
                assert_fails_with(read_again(p, BK_RPM, &err), err, BK_CORRUPT);
                assert_ok(bk_unlink_in_root(p->fd, path, &err), err);
        }
        assert_int_equal(read_again(p, BK_RPM, &err), 0);
}

static void script(struct place *p, const char *text)
{
        autofree char *line = bk_format("cd '%s' && { %s\n} >log 2>&1 || { cat log; false; }", p->home, text);

        assert_int_equal(system(line), 0);
}

/* Two packages that rpmbuild made and rpm installed, and a hundred that are only named. */
#define MAKE_RPMS \
        "make() { printf 'Name: %s\\nVersion: %s\\nRelease: %s\\n%s\\nSummary: s\\nLicense: l\\nBuildArch: noarch\\n%%description\\nd\\n%%files\\n' \"$@\" >$1.spec; " \
        "rpmbuild -bb --define \"_topdir $PWD/top\" --define \"_rpmdir $PWD\" $1.spec; } && " \
        "make tiny 1.2 3 && make epochal 2.0~rc1 1.el9 'Epoch: 7' && mkdir -p var/lib/rpm && " \
        "rpm --dbpath $PWD/var/lib/rpm --define '_db_backend sqlite' --justdb --nodeps -i noarch/*.rpm && "

static void real_rpms(struct place *p)
{
        need("rpmbuild");
        need("sqlite3");
        script(p, MAKE_RPMS "true");
}

static void has_both(struct place *p)
{
        must_read(p, BK_RPM, 2);
        (void)has(p, "tiny", "1.2-3", "noarch", "tiny", "1.2-3");
        (void)has(p, "epochal", "7:2.0~rc1-1.el9", "noarch", "epochal", "2.0~rc1-1.el9");
}

static void the_sqlite_database_of_rpm_is_read(void **state)
{
        struct place *p = *state;

        real_rpms(p);
        has_both(p);
}

static void what_is_in_the_log_counts(void **state)
{
        struct place *p = *state;
        struct bk_error err = { 0 };
        autofree char *wal = NULL;
        size_t length = 0;

        real_rpms(p);
        /* Written and not written back: the files are copied while the database is open. */
        script(p, "mkdir -p usr/lib/sysimage/rpm && sqlite3 var/lib/rpm/rpmdb.sqlite 'PRAGMA journal_mode=WAL' 'PRAGMA wal_autocheckpoint=0' "
                  "\"DELETE FROM Packages WHERE hnum = (SELECT min(hnum) FROM Packages)\" "
                  "\"WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < 199) INSERT INTO Packages(hnum, blob) "
                  "SELECT i, (SELECT blob FROM Packages LIMIT 1) FROM n\" "
                  "'.shell cp var/lib/rpm/rpmdb.sqlite var/lib/rpm/rpmdb.sqlite-wal usr/lib/sysimage/rpm'");
        must_read(p, BK_RPM, 101);
        assert_ok(bk_read_in_root(p->fd, "/usr/lib/sysimage/rpm/rpmdb.sqlite-wal", 64 << 20, &wal, &length, &err), err);
        assert_true(length > 8192);
        wal[length / 2] ^= 1;                                           /* the rest was never committed */
        put_bytes(p, "/usr/lib/sysimage/rpm/rpmdb.sqlite-wal", wal, length);
        if (read_again(p, BK_RPM, &err) == 1)
                assert_true(p->packages.n < 101);
        put_bytes(p, "/usr/lib/sysimage/rpm/rpmdb.sqlite-wal", wal, 20);
        must_read(p, BK_RPM, 2);
}

/* Schemas that an image's owner might write. */
static void a_hostile_schema_runs_nothing(void **state)
{
        static const char *const schemas[] = {
                "CREATE VIEW Packages AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i FROM n) SELECT zeroblob(9) AS blob FROM n",
                "CREATE TABLE t(blob); INSERT INTO t VALUES (randomblob(100)); CREATE VIEW Packages AS SELECT blob FROM t",
                "CREATE VIRTUAL TABLE Packages USING fts5(blob)",
                "CREATE TABLE Packages(hnum INTEGER PRIMARY KEY, other BLOB)",
                "CREATE TABLE Packages(hnum INTEGER PRIMARY KEY, blob AS (zeroblob(100000000)), x); INSERT INTO Packages(x) VALUES (1)",
                "CREATE TABLE Packages(hnum INTEGER PRIMARY KEY, blob BLOB); INSERT INTO Packages VALUES (1, NULL)",
                "CREATE TABLE Packages(hnum INTEGER PRIMARY KEY, blob BLOB); INSERT INTO Packages VALUES (1, 'text')",
        };
        struct place *p = *state;
        struct bk_error err = { 0 };

        need("sqlite3");
        for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++) {
                autofree char *line = bk_format("mkdir -p var/lib/rpm && rm -f var/lib/rpm/rpmdb.sqlite && sqlite3 var/lib/rpm/rpmdb.sqlite \"%s\"", schemas[i]);

                script(p, line);
                print_message("# %s\n", schemas[i]);
                assert_fails_with(read_again(p, BK_RPM, &err), err, BK_CORRUPT);
        }
}

#define LOAD(order, page) \
        "rm -f var/lib/rpm/Packages && { printf 'VERSION=3\\nformat=bytevalue\\ntype=hash\\nHEADER=END\\n 00000000\\n 02000000\\n'; " \
        "sqlite3 rpmdb.sqlite \"SELECT printf(' %02x000000', hnum) || char(10) || ' ' || lower(hex(blob)) FROM Packages\"; echo DATA=END; } >dump && " \
        "db5.3_load -c db_lorder=" order " -c db_pagesize=" page " -f dump var/lib/rpm/Packages"

static void the_berkeley_database_of_rpm_is_read(void **state)
{
        static const char *const loads[] = { LOAD("1234", "512"), LOAD("4321", "512"), LOAD("1234", "4096"), LOAD("4321", "65536") };
        struct place *p = *state;
        struct bk_error err = { 0 };

        need("db5.3_load");
        real_rpms(p);
        script(p, "mv var/lib/rpm/rpmdb.sqlite .");
        for (size_t i = 0; i < sizeof loads / sizeof *loads; i++) {
                autofree char *bytes = NULL;
                size_t length = 0;

                script(p, loads[i]);
                has_both(p);
                assert_ok(bk_read_in_root(p->fd, "/var/lib/rpm/Packages", 64 << 20, &bytes, &length, &err), err);
                assert_int_equal(bk_packages_parse_rpm_bdb(bytes, length / 2, &p->packages, &err), -1);
                for (size_t j = 0; j < length; j += 1 + j / 300) {      /* any byte wrong: read or refused */
                        const char was = bytes[j];

                        bytes[j] ^= (char)0xff;
                        if (bk_packages_parse_rpm_bdb(bytes, length, &p->packages, &err) < 0)
                                assert_int_equal(err.kind, BK_CORRUPT);
                        bytes[j] = was;
                        bk_packages_done(&p->packages);
                }
        }
}

/* --- languages ------------------------------------------------------------------------------------------------------ */

static void gems_are_found_by_their_specifications(void **state)
{
        struct place *p = *state;

        put(p, "/var/lib/gems/3.1.0/specifications/rake-13.0.6.gemspec", "# -*- encoding: utf-8 -*-\n# stub: rake 13.0.6 ruby lib\n\nGem::Specification.new\n");
        put(p, "/usr/lib/ruby/gems/3.1.0/specifications/default/json-2.6.1.gemspec",
            "Gem::Specification.new do |s|\n  s.name = \"json\".freeze\n  s.version = \"2.6.1\"\n  s.required_ruby_version = '>= 2'\nend\n");
        put(p, "/usr/local/lib/ruby/gems/3.1.0/specifications/nokogiri-1.15.0-x86_64-linux.gemspec", "# stub: nokogiri 1.15.0 x86_64-linux lib\n");
        put(p, "/usr/share/rubygems-integration/all/specifications/net-ssh-7.0.1-x86_64-darwin.gemspec", "nothing is said here");
        put(p, "/usr/share/rubygems-integration/all/specifications/rubbish.txt", "# stub: no 1 ruby lib\n");
        put(p, "/usr/local/bundle/specifications/old-1.gemspec", "Gem::Specification.new { |s|\n s.name = 'old'\n s.version = Gem::Version.new('1.0.pre')\n}\n");
        must_read(p, BK_GEM, 5);
        (void)has(p, "rake", "13.0.6", "", "rake", "13.0.6");
        (void)has(p, "json", "2.6.1", NULL, NULL, NULL);
        (void)has(p, "nokogiri", "1.15.0", "x86_64-linux", NULL, NULL);
        (void)has(p, "net-ssh", "7.0.1", NULL, NULL, NULL);
        (void)has(p, "old", "1.0.pre", NULL, NULL, NULL);
}

static void pip_packages_are_found_by_their_metadata(void **state)
{
        struct place *p = *state;

        put(p, "/usr/lib/python3/dist-packages/requests-2.28.1.dist-info/METADATA", "Metadata-Version: 2.1\nName: requests\nVersion: 2.28.1\n\nName: body\n");
        put(p, "/usr/local/lib/python3.11/dist-packages/zope.interface-5.5.2.egg-info/PKG-INFO", "Name: zope.interface\r\nVersion: 5.5.2\r\n");
        put(p, "/usr/lib/python3/dist-packages/six-1.16.0.egg-info", "Name: six\nVersion: 1.16.0\n");
        put(p, "/usr/local/lib/python3.11/site-packages/bare_name-0.5.dist-info/RECORD", "");
        put(p, "/usr/lib64/python3.9/site-packages/rpm-4.16.dist-info/METADATA", "Name: rpm\nVersion: 4.16\n");
        put(p, "/usr/lib/python2.7/dist-packages/two-2.dist-info/METADATA", "Name: two\nVersion: 2\n");
        put(p, "/usr/lib/python3/dist-packages/module.py", "");
        must_read(p, BK_PYPI, 6);
        (void)has(p, "requests", "2.28.1", NULL, NULL, NULL);
        (void)has(p, "zope.interface", "5.5.2", NULL, NULL, NULL);
        (void)has(p, "six", "1.16.0", NULL, NULL, NULL);
        (void)has(p, "bare_name", "0.5", NULL, NULL, NULL);
        (void)has(p, "rpm", "4.16", NULL, NULL, NULL);
        (void)has(p, "two", "2", NULL, NULL, NULL);
}

static void npm_packages_are_found_by_their_folders(void **state)
{
        struct place *p = *state;
        autofree char *loop = bk_format("%s/usr/lib/node_modules/loop/node_modules", p->home);

        put(p, "/usr/local/lib/node_modules/npm/package.json", "{\"name\": \"npm\", \"version\": \"9.2.0\"}");
        put(p, "/usr/local/lib/node_modules/npm/node_modules/semver/package.json", "{\"version\": \"7.3.8\"}");
        put(p, "/usr/local/lib/node_modules/@babel/core/package.json", "{\"name\": \"@babel/core\", \"version\": \"7.21.0\"}");
        put(p, "/usr/share/nodejs/acorn/package.json", "this is no JSON");
        put(p, "/usr/share/nodejs/single.js", "");
        put(p, "/usr/lib/node_modules/.bin/package.json", "{\"version\": \"1\"}");
        must_read(p, BK_NPM, 4);
        (void)has(p, "npm", "9.2.0", NULL, NULL, NULL);
        (void)has(p, "semver", "7.3.8", NULL, NULL, NULL);
        (void)has(p, "@babel/core", "7.21.0", NULL, NULL, NULL);
        (void)has(p, "acorn", "", NULL, NULL, NULL);
        put(p, "/usr/lib/node_modules/loop/package.json", "{\"version\": \"1\"}");
        assert_int_equal(symlink("..", loop), 0);
        must_read(p, BK_NPM, 4 + 12);                                   /* as deep as is looked */
}

static void pear_has_a_registry(void **state)
{
        struct place *p = *state;

        put(p, "/usr/share/php/.registry/archive_tar.reg",
            "a:4:{s:7:\"attribs\";a:1:{s:7:\"version\";s:3:\"2.0\";}s:4:\"name\";s:11:\"Archive_Tar\";s:4:\"date\";N;"
            "s:7:\"version\";a:2:{s:3:\"api\";s:5:\"9.9.9\";s:7:\"release\";s:6:\"1.4.14\";}}");
        put(p, "/usr/share/php/.registry/.channel.__uri/x.reg", "a:2:{s:7:\"package\";s:1:\"x\";s:7:\"version\";s:3:\"0.1\";}");
        put(p, "/usr/local/lib/php/.registry/.channel.pecl.php.net/redis.reg",
            "a:3:{i:0;i:5;s:4:\"name\";s:5:\"redis\";s:7:\"version\";a:1:{s:7:\"release\";s:5:\"5.3.7\";}}");
        put(p, "/usr/share/php/.registry/broken.reg", "a:9:{s:4:\"name\";s:6:\"broken\";s:7:\"version\";s:999999:\"1\";");
        put(p, "/usr/share/php/.registry/deep.reg", "a:1:{i:0;a:1:{i:0;a:-1:{");
        must_read(p, BK_PEAR, 3);
        (void)has(p, "Archive_Tar", "1.4.14", NULL, NULL, NULL);
        (void)has(p, "x", "0.1", NULL, NULL, NULL);
        (void)has(p, "broken", "", NULL, NULL, NULL);
        must_read(p, BK_PECL, 1);
        (void)has(p, "redis", "5.3.7", NULL, NULL, NULL);
}

static void perl_modules_are_noted_or_found(void **state)
{
        static const struct { const char *text, *version; } rows[] = {
                { "package A::B;\nour $VERSION = '1.50';\n", "1.50" },
                { "package A::B v2.1.0;\n", "v2.1.0" },
                { "package A::B;\n$A::B::VERSION = \"0.04_01\";", "0.04_01" },
                { "use version; our $VERSION = version->declare(\"v3.2\");\n", "v3.2" },
                { "our $VERSION = 1.5;\n$VERSION = eval $VERSION;\n", "1.5" },
                { "# our $VERSION = 9;\nmy $x = $VERSION == 3;\nour $VERSION = version();\n", "" },
                { "__END__\nour $VERSION = 1;\n", "" },
                { "", "" },
        };
        struct place *p = *state;
        struct bk_error err = { 0 };

        put(p, "/usr/local/lib/x86_64-linux-gnu/perl/5.36.0/perllocal.pod",
            "=head2 Wed Mar  1 12:00:00 2023: C<Module> L<JSON::XS|JSON::XS>\n\n=over 4\n\n=item *\n\nC<VERSION: 4.03>\n\n=back\n\n"
            "=head2 Thu Mar  2 12:00:00 2023: C<Module> L<Moo|Moo>\n\nC<VERSION: 2.005>\n");
        must_read(p, BK_CPAN, 2);
        (void)has(p, "JSON::XS", "4.03", NULL, NULL, NULL);
        (void)has(p, "Moo", "2.005", NULL, NULL, NULL);
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
                BK_CLEANUP(bk_package_done) struct bk_package found = { 0 };

                put(p, "/usr/share/perl5/A/B.pm", rows[i].text);
                assert_int_equal(bk_packages_perl_module(&p->tree, "A::B", &found, &err), 1);
                assert_string_equal(found.version, rows[i].version);
                assert_int_equal(bk_packages_perl_module(&p->tree, "A::C", &found, &err), 0);
                assert_int_equal(bk_packages_perl_module(&p->tree, "../A/B", &found, &err), 0);
        }
}

/* --- batches -------------------------------------------------------------------------------------------------------- */

static void note(void *arg, const char *path)
{
        bk_strv_add(&((struct place *)arg)->wanted, path);
}

static int noted_read(void *arg, const char *path, size_t most, char **ret, size_t *ret_len, struct bk_error *err)
{
        struct place *p = arg;
        const struct bk_tree tree = bk_tree_of_root(&p->fd);

        if (!bk_strv_has(&p->wanted, path)) {
                print_message("# '%s' comes unannounced\n", path);
                p->unwanted++;
        }
        return tree.read(tree.arg, path, most, ret, ret_len, err);
}

static int noted_list(void *arg, const char *path, struct bk_strv *ret, struct bk_error *err)
{
        struct place *p = arg;
        const struct bk_tree tree = bk_tree_of_root(&p->fd);

        p->unwanted += !bk_strv_has(&p->wanted, path);
        return tree.list(tree.arg, path, ret, err);
}

static void whatever_is_read_was_announced(void **state)
{
        struct place *p = *state;

        gems_are_found_by_their_specifications(state);
        pip_packages_are_found_by_their_metadata(state);
        npm_packages_are_found_by_their_folders(state);
        perl_modules_are_noted_or_found(state);
        apk_and_pacman_say_what_is_provided(state);
        dpkg_has_states_and_sources(state);
        p->tree = (struct bk_tree){ .read = noted_read, .list = noted_list, .want = note, .arg = p };
        must_read(p, BK_GEM, 5);
        must_read(p, BK_PYPI, 6);
        must_read(p, BK_NPM, 16);
        must_read(p, BK_CPAN, 2);
        must_read(p, BK_APK, 2);
        must_read(p, BK_ALPM, 1);
        must_read(p, BK_DEB, 9);
        assert_int_equal(p->unwanted, 0);
}

/* A hostile image may have anything in a database's place. */
static void links_pipes_and_folders_are_passed_over(void **state)
{
        struct place *p = *state;
        struct bk_error err = { 0 };
        autofree char *pipe = bk_format("%s/var/lib/dpkg/status", p->home), *out = bk_format("%s/lib/apk/db/installed", p->home);

        put(p, "/var/lib/dpkg/keep", "");
        put(p, "/lib/apk/db/keep", "");
        assert_int_equal(mkfifo(pipe, 0600), 0);
        assert_int_equal(symlink("/../../../../../../../../var/lib/dpkg/status", out), 0);
        assert_int_equal(read_again(p, BK_DEB, &err), 0);
        assert_int_equal(read_again(p, BK_APK, &err), 0);               /* of this host it would be dpkg's */
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                in_place(dpkg_has_states_and_sources), in_place(of_one_name_the_installed_and_newest_is_first),
                in_place(apk_and_pacman_say_what_is_provided), in_place(what_is_not_there_is_no_error),
                in_place(a_header_says_what_is_installed), in_place(ndb_has_slots_and_blobs), in_place(broken_rpm_databases_are_refused),
                in_place(the_sqlite_database_of_rpm_is_read), in_place(what_is_in_the_log_counts), in_place(a_hostile_schema_runs_nothing),
                in_place(the_berkeley_database_of_rpm_is_read), in_place(gems_are_found_by_their_specifications),
                in_place(pip_packages_are_found_by_their_metadata), in_place(npm_packages_are_found_by_their_folders),
                in_place(pear_has_a_registry), in_place(perl_modules_are_noted_or_found), in_place(whatever_is_read_was_announced),
                in_place(links_pipes_and_folders_are_passed_over),
        };

        return cmocka_run_group_tests_name("packages", tests, NULL, NULL);
}
