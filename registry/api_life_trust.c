/* Routes of tokens, signatures, provenance and the signed index. Signatures are of bytes: what is to be verified is answered as it is. */
#include "registry/api_life.h"

/* --- tokens ------------------------------------------------------------------ */
int reg_life_tokens(struct reg_call *call, struct bk_error *err)
{
        json_t *rows = NULL;

        if (reg_tokens_json(call->reg, &rows, err) < 0)
                return -1;
        call->json = reg_call_list(call, rows, NULL);
        return 0;
}

int reg_life_token_create(struct reg_call *call, struct bk_error *err)
{
        const char *name = NULL, *word = NULL, *expires = NULL;
        enum reg_role role = REG_READ;
        autofree char *token = NULL;
        struct reg_change change;
        autojson *body = NULL;
        int64_t expires_at = 0;

        if (reg_life_body(call, "name role expires why", &body, err) < 0 || reg_life_change(call, body, &change, err) < 0 ||
            reg_life_need(body, "name", &name, err) < 0 || reg_life_need(body, "role", &word, err) < 0 || reg_role_parse(word, &role, err) < 0 ||
            reg_life_text(body, "expires", &expires, err) < 0 || (expires != NULL && reg_moment_parse(expires, &expires_at, err) < 0) ||
            reg_token_create(call->reg, name, role, expires_at, &change, &token, err) < 0)
                return -1;
        call->answer->status = 201;
        call->json = json_pack("{s:s, s:s, s:s, s:s?}", "name", name, "role", word, "token", token, "expires_at", expires);
        return reg_life_changed(call, err);
}

int reg_life_token_revoke(struct reg_call *call, struct bk_error *err)
{
        struct reg_change change = { .who = call->request->who };
        autofree char *why = NULL;

        if (reg_call_text(call, "why", &why, err) < 0)
                return -1;
        change.why = why;
        if (reg_token_revoke(call->reg, call->part[0], &change, err) < 0)
                return -1;
        call->json = json_object();
        return reg_life_changed(call, err);
}

/* --- images -------------------------------------------------------------------- */
int reg_life_manifest(struct reg_call *call, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        char *text = NULL;

        if (reg_life_image(call, &image, err) < 0 || reg_manifest(call->reg, image.id, &text, err) < 0)
                return -1;
        reg_life_raw(call, "application/json", text);
        return 0;
}

static int answer_signatures(struct reg_call *call, const char *id, struct bk_error *err)
{
        if (reg_signatures_json(call->reg, id, &call->json, err) < 0)
                return -1;
        return reg_life_changed(call, err);
}

int reg_life_signatures(struct reg_call *call, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };

        if (reg_life_image(call, &image, err) < 0)
                return -1;
        return reg_signatures_json(call->reg, image.id, &call->json, err);
}

int reg_life_sign(struct reg_call *call, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        const char *signature = NULL;
        struct reg_change change;
        autojson *body = NULL;

        if (reg_life_body(call, "signature why", &body, err) < 0 || reg_life_change(call, body, &change, err) < 0 ||
            reg_life_need(body, "signature", &signature, err) < 0 || reg_life_image(call, &image, err) < 0 ||
            reg_signature_put(call->reg, image.id, signature, &change, err) < 0)
                return -1;
        return answer_signatures(call, image.id, err);
}

int reg_life_provenance(struct reg_call *call, struct bk_error *err)
{
        static const struct { const char *name; enum reg_provenance form; const char *type; } forms[] = {
                { "slsa", REG_PROVENANCE_SLSA, "application/vnd.dsse.envelope+json" }, { "statement", REG_PROVENANCE_STATEMENT, REG_STATEMENT_TYPE },
        };
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        enum reg_provenance form = REG_PROVENANCE_OURS;
        const char *type = "application/json";
        autofree char *word = NULL;
        char *text = NULL;

        if (reg_call_text(call, "format", &word, err) < 0)
                return -1;
        for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
                if (bk_streq(forms[i].name, word)) {
                        form = forms[i].form;
                        type = forms[i].type;
                }
        if (word != NULL && form == REG_PROVENANCE_OURS)
                return bk_fail(err, BK_INVALID, "provenance has the formats slsa and statement, not '%.100s'", word);
        if (reg_life_image(call, &image, err) < 0 || reg_provenance(call->reg, image.id, form, &text, err) < 0)
                return -1;
        reg_life_raw(call, type, text);
        return 0;
}

int reg_life_attest(struct reg_call *call, struct bk_error *err)
{
        BK_CLEANUP(reg_image_done) struct reg_image image = { 0 };
        const char *envelope = NULL;
        struct reg_change change;
        autojson *body = NULL;

        if (reg_life_body(call, "envelope why", &body, err) < 0 || reg_life_change(call, body, &change, err) < 0 ||
            reg_life_need(body, "envelope", &envelope, err) < 0 || reg_life_image(call, &image, err) < 0 ||
            reg_attestation_put(call->reg, image.id, envelope, &change, err) < 0)
                return -1;
        call->json = json_object();
        return reg_life_changed(call, err);
}

/* --- the index -------------------------------------------------------------------- */
static int one_of_two(struct reg_call *call, bool signature, struct bk_error *err)
{
        autofree char *text = NULL, *minisig = NULL;

        if (reg_index_get(call->reg, &text, &minisig, err) < 0)
                return -1;
        if (signature)
                reg_life_raw(call, "text/plain; charset=utf-8", bk_take(minisig));
        else
                reg_life_raw(call, "application/json", bk_take(text));
        return 0;
}

int reg_life_index(struct reg_call *call, struct bk_error *err)
{
        return one_of_two(call, false, err);
}

int reg_life_index_signature(struct reg_call *call, struct bk_error *err)
{
        return one_of_two(call, true, err);
}

int reg_life_index_draft(struct reg_call *call, struct bk_error *err)
{
        autofree char *expires = NULL;
        int64_t expires_at = 0;
        char *text = NULL;

        if (reg_call_text(call, "expires", &expires, err) < 0)
                return -1;
        if (expires == NULL)
                return bk_fail(err, BK_INVALID, "an index expires; say when: expires=2006-01-02");
        if (reg_moment_parse(expires, &expires_at, err) < 0 || reg_index_draft(call->reg, expires_at, &text, err) < 0)
                return -1;
        reg_life_raw(call, "application/json", text);
        return 0;
}

int reg_life_index_put(struct reg_call *call, struct bk_error *err)
{
        const char *text = NULL, *signature = NULL;
        struct reg_change change;
        autojson *body = NULL;

        if (reg_life_body(call, "text signature why", &body, err) < 0 || reg_life_change(call, body, &change, err) < 0 ||
            reg_life_need(body, "text", &text, err) < 0 || reg_life_need(body, "signature", &signature, err) < 0 ||
            reg_index_put(call->reg, text, signature, &change, err) < 0)
                return -1;
        call->json = json_object();
        return reg_life_changed(call, err);
}
