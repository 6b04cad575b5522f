/* Who asks: by a token, by the user at the other end of a socket in the file system, or anybody.
 *
 * A token is checked by the database; what it said holds for a second as long as nothing changes, as a check is a query of its own. */
#include "registry/serve_priv.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <pwd.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "lib/fs.h"
#include "lib/httpd.h"
#include "lib/minisign.h"

void serve_who_done(struct serve_who *who)
{
        free(who->name);
        free(who->why);
        *who = (struct serve_who){ 0 };
}

/* --- tokens ------------------------------------------------------------------------------ */

static bool who_cached(struct reg_serve *serve, const char *digest, int64_t index, int64_t now, struct serve_who *ret)
{
        bool found = false;

        (void)pthread_mutex_lock(&serve->who_lock);
        for (size_t i = 0; i < SERVE_WHO_CACHED && !found; i++)
                if (bk_streq(serve->who[i].token, digest) && serve->who[i].index == index && now - serve->who[i].at < SERVE_CACHE_MS) {
                        *ret = serve->who[i].who;
                        ret->name = bk_strdup(ret->name);
                        found = true;
                }
        (void)pthread_mutex_unlock(&serve->who_lock);
        return found;
}

static void who_keep(struct reg_serve *serve, const char *digest, int64_t index, int64_t now, const struct serve_who *who)
{
        size_t place = 0;

        (void)pthread_mutex_lock(&serve->who_lock);
        for (size_t i = 0; i < SERVE_WHO_CACHED; i++) {
                if (bk_streq(serve->who[i].token, digest)) {
                        place = i;
                        break;
                }
                if (serve->who[i].at < serve->who[place].at)
                        place = i;
        }
        free(serve->who[place].token);
        serve_who_done(&serve->who[place].who);
        serve->who[place].token = bk_strdup(digest);
        serve->who[place].who = (struct serve_who){ .name = bk_strdup(who->name), .role = who->role, .known = who->known };
        serve->who[place].index = index;
        serve->who[place].at = now;
        (void)pthread_mutex_unlock(&serve->who_lock);
}

static int by_token(struct reg_serve *serve, const char *token, struct serve_who *ret, struct bk_error *err)
{
        autofree char *digest = bk_digest_bytes(token, strlen(token));
        const int64_t now = bk_now_ms();
        struct serve_who who = { .known = true };
        struct reg *reg = NULL;
        int64_t index = 0;
        int status;

        if (serve_reg_get(serve, &reg, err) < 0)
                return -1;
        status = reg_event_index(reg, &index, err);
        if (status == 0 && !who_cached(serve, digest, index, now, &who)) {
                status = reg_token_check(reg, token, &who.name, &who.role, err);
                if (status == 0)
                        who_keep(serve, digest, index, now, &who);
        }
        serve_reg_put(serve, reg, status == 0 || err->kind == BK_DENIED);
        if (status < 0)
                return -1;
        *ret = who;
        return 0;
}

/* --- the other end ------------------------------------------------------------------------- */

static const struct sockaddr *address_of(const struct serve_request *request)
{
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

        return info != NULL ? info->client_addr : NULL;
}

/* The kernel says which user connected. Root and the user that the server runs as could open the database themselves. */
static int by_socket(const struct serve_request *request, struct serve_who *ret, struct bk_error *err)
{
        struct ucred peer;
        socklen_t length = sizeof peer;
        struct passwd entry, *found = NULL;
        char room[4096];

        if (request->conn == NULL || getsockopt(request->conn->fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
                return bk_fail_errno(err, "who is at the other end of the socket is not known");
        ret->known = true;
        ret->role = peer.uid == 0 || peer.uid == geteuid() ? REG_ADMIN : REG_READ;
        (void)getpwuid_r(peer.uid, &entry, room, sizeof room, &found);
        ret->name = found != NULL ? bk_strdup(found->pw_name) : bk_format("%u", (unsigned)peer.uid);
        return 0;
}

/* "localhost:8080", "127.0.0.1", "[::1]:80": a page of a stranger's that a browser on this host shows can make us ask under a name that
 * leads here, but not under one of these. */
static bool host_is_here(const char *host)
{
        autofree char *name = NULL;
        struct bk_address at = { 0 };

        if (host == NULL)
                return true;
        name = *host == '[' ? bk_strndup(host + 1, strcspn(host + 1, "]")) : bk_strndup(host, strcspn(host, ":"));
        return strcasecmp(name, "localhost") == 0 || bk_address_parse(name, 0, &at, NULL) == 0;
}

/* Who asks under a name that is not ours is nobody, who may still hear whether we are well: agents on this host ask so. */
static void by_address(struct serve_request *request, const struct sockaddr *at, struct serve_who *ret)
{
        const struct reg_serve_config *config = &request->serve->config;
        const bool here = bk_address_loopback(at);

        if (!config->token_required && (config->anonymous || config->insecure || (here && host_is_here(serve_header(request, "Host")))))
                ret->role = REG_READ;
        else
                ret->role = REG_NOBODY;
        ret->name = bk_address_text(at);
        if (here && !config->token_required && ret->role == REG_NOBODY)
                ret->why = bk_format("'%.200s' is not a name of this host; show a token, or start the server with -anonymous",
                                     serve_header(request, "Host"));
}

/* Forms of strangers' pages are sent without asking us first, and browsers say so: by "Origin" or by "Sec-Fetch-Site". Other programs say nothing. */
bool serve_is_foreign(const struct serve_request *request)
{
        const char *origin = serve_header(request, "Origin"), *site = serve_header(request, "Sec-Fetch-Site"), *host = serve_header(request, "Host");
        const char *name = origin == NULL ? NULL : strstr(origin, "://");

        if (site != NULL && strcasecmp(site, "same-origin") != 0 && strcasecmp(site, "none") != 0)
                return true;
        return origin != NULL && (name == NULL || host == NULL || strcasecmp(name + strlen("://"), host) != 0);
}

/* libmicrohttpd asks for a certificate; whether it is a good one is for us to see. */
static int check_certificate(const struct serve_request *request, struct bk_error *err)
{
        const union MHD_ConnectionInfo *info;
        unsigned verdict = 0;

        if (request->serve->client_ca == NULL)
                return 0;
        info = MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
        if (info == NULL || gnutls_certificate_verify_peers2(info->tls_session, &verdict) != GNUTLS_E_SUCCESS || verdict != 0)
                return bk_fail(err, BK_DENIED, "a client certificate is needed here that the server's -tls-client-ca has signed");
        return 0;
}

/* "Basic" is what browsers have: the password is the token, whatever the name. Once it was given, a browser sends it with whatever any page
 * of anybody's makes it send; so it is for reading only, and for what cloud-init can show no other way. */
static int shown_token(const struct serve_request *request, const char *shown, char **ret, struct bk_error *err)
{
        static const char phone_home[] = "/launches/phone-home/";
        const bool reads = bk_streq(request->method, "GET") || bk_streq(request->method, "HEAD");
        const bool phones = bk_streq(request->method, "POST") && strncmp(request->path, phone_home, strlen(phone_home)) == 0 &&
                            !serve_is_foreign(request);
        autofree unsigned char *pair = NULL;
        const char *colon;
        size_t length = 0;

        if (strlen(shown) > SERVE_TOKEN_MOST)
                return bk_fail(err, BK_DENIED, "what is shown is too long for a token");
        if (strncasecmp(shown, "Bearer ", 7) == 0) {
                *ret = bk_strdup(shown + 7 + strspn(shown + 7, " "));
                return 0;
        }
        if ((!reads && !phones) || strncasecmp(shown, "Basic ", 6) != 0)
                return bk_fail(err, BK_DENIED, "write 'Authorization: Bearer TOKEN'");
        shown += 6 + strspn(shown + 6, " ");
        if (bk_base64_read(shown, strlen(shown), &pair, &length, NULL) < 0 || (colon = memchr(pair, ':', length)) == NULL)
                return bk_fail(err, BK_DENIED, "the password is to be a token, the name may be any");
        *ret = bk_strndup(colon + 1, length - (size_t)(colon + 1 - (const char *)pair));
        return 0;
}

int serve_who(struct serve_request *request, struct bk_error *err)
{
        const char *shown = serve_header(request, "Authorization");
        const struct sockaddr *at = address_of(request);

        if (at == NULL)
                return bk_fail(err, BK_DENIED, "who asks has no address");
        if (at->sa_family != AF_UNIX && check_certificate(request, err) < 0)
                return -1;
        if (shown != NULL) {
                autofree char *token = NULL;

                return shown_token(request, shown, &token, err) < 0 ? -1 : by_token(request->serve, token, &request->who, err);
        }
        if (at->sa_family == AF_UNIX)
                return by_socket(request, &request->who, err);
        by_address(request, at, &request->who);
        return 0;
}
