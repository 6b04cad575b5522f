/* Key pairs for one build: made in memory, used once, wiped. */
#include "vm/ssh_priv.h"

#include <string.h>

#include "lib/cleanup.h"
#include "lib/lazy.h"

static void wipe(char **secret)
{
        if (*secret != NULL)
                explicit_bzero(*secret, strlen(*secret));
        free(*secret);
        *secret = NULL;
}

void vm_ssh_keypair_done(struct vm_ssh_keypair *pair)
{
        wipe(&pair->secret);
        free(pair->public_line);
        pair->public_line = NULL;
}

static void key_free(ssh_key *key)
{
        if (*key != NULL)
                ssh_key_free(*key);
}

int vm_ssh_keypair_new(const char *comment, struct vm_ssh_keypair *ret, struct bk_error *err)
{
        BK_CLEANUP(key_free) ssh_key key = NULL;
        char *secret = NULL, *public_key = NULL;
        int result = -1;

        if (comment != NULL && strpbrk(comment, "\r\n") != NULL)
                return bk_fail(err, BK_INVALID, "the comment of an SSH key is one line");
        if (bk_lazy_need("libssh.so", err) < 0)
                return -1;
        if (ssh_pki_generate(SSH_KEYTYPE_ED25519, 0, &key) == SSH_OK &&
            ssh_pki_export_privkey_base64(key, NULL, NULL, NULL, &secret) == SSH_OK &&
            ssh_pki_export_pubkey_base64(key, &public_key) == SSH_OK) {
                *ret = (struct vm_ssh_keypair){
                        .secret = bk_strdup(secret),
                        .public_line = bk_format("ssh-ed25519 %s%s%s", public_key, comment && *comment ? " " : "", comment ? comment : ""),
                };
                result = 0;
        } else {
                bk_fail(err, BK_INTERNAL, "cannot make an ed25519 key pair");
        }
        wipe(&secret);          /* libssh allocates with malloc() */
        free(public_key);
        return result;
}
