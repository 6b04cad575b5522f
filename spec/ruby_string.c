/* What mruby's strings lack: Debian builds it without UTF-8, so that inspect would show bytes where people expect letters. */
#include "spec/ruby_priv.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mruby/array.h>
#include <mruby/class.h>
#include <mruby/string.h>

#include <openssl/evp.h>

/* The length of the UTF-8 character at p, and its code; 0 when it is none. */
static int character(const OnigUChar *p, const OnigUChar *end, OnigCodePoint *ret)
{
        const int length = ONIGENC_MBC_ENC_LEN(ONIG_ENCODING_UTF8, p);

        if (length <= 0 || p + length > end || !onigenc_is_valid_mbc_string(ONIG_ENCODING_UTF8, p, p + length))
                return 0;
        *ret = ONIGENC_MBC_TO_CODE(ONIG_ENCODING_UTF8, p, p + length);
        return (length == 1) == (*ret < 0x80) && *p < 0xf8 ? length : 0;
}

/* The letter behind a backslash, or 0. */
static char escape_of(const OnigUChar *p, const OnigUChar *end)
{
        static const char from[] = "\n\r\t\f\v\b\a\033\"\\", to[] = "nrtfvbae\"\\";
        const char *at = *p != '\0' ? strchr(from, *p) : NULL;

        if (at != NULL)
                return to[at - from];
        return *p == '#' && p + 1 < end && strchr("{$@", p[1]) != NULL && p[1] != '\0' ? '#' : '\0';
}

static mrb_value string_inspect(mrb_state *mrb, mrb_value self)
{
        const OnigUChar *p = (const OnigUChar *)RSTRING_PTR(self), *const end = p + RSTRING_LEN(self);
        const mrb_value ret = mrb_str_new_lit(mrb, "\"");
        char text[16];

        while (p < end) {
                OnigCodePoint code = 0;
                const int length = character(p, end, &code);
                const char escape = escape_of(p, end);

                if (escape != '\0')
                        (void)snprintf(text, sizeof text, "\\%c", escape);
                else if (length == 0 || code == 0x7f)
                        (void)snprintf(text, sizeof text, "\\x%02X", *p);
                else if (!ONIGENC_IS_CODE_PRINT(ONIG_ENCODING_UTF8, code))
                        (void)snprintf(text, sizeof text, code > 0xffff ? "\\u{%X}" : "\\u%04X", code);
                else
                        (void)snprintf(text, sizeof text, "%.*s", length, (const char *)p);
                mrb_str_cat_cstr(mrb, ret, text);
                p += length > 0 ? length : 1;
        }
        return mrb_str_cat_lit(mrb, ret, "\"");
}

/* The shortest text of at most 15 digits that is this number again, in Ruby's form: mruby's own garbles large ones. More digits would
 * show what mruby loses, as it keeps a float in 62 bits. */
static mrb_value float_to_s(mrb_state *mrb, mrb_value self)
{
        const double value = mrb_float(self);
        char digits[40], text[64];
        int exponent, precision = 14;

        if (isnan(value) || isinf(value))
                return mrb_str_new_cstr(mrb, isnan(value) ? "NaN" : value < 0 ? "-Infinity" : "Infinity");
        (void)snprintf(digits, sizeof digits, "%.*e", precision, value);
        while (precision > 0 && strchr(digits, 'e')[precision - 15] == '0')
                precision--;
        (void)snprintf(digits, sizeof digits, "%.*e", precision, value);
        exponent = atoi(strchr(digits, 'e') + 1);
        if (value != 0 && (exponent < -4 || exponent >= 16)) {
                const int mantissa = (int)(strchr(digits, 'e') - digits);

                (void)snprintf(text, sizeof text, "%.*s%se%+03d", mantissa, digits, memchr(digits, '.', (size_t)mantissa) ? "" : ".0", exponent);
        } else {
                (void)snprintf(text, sizeof text, "%.*f", precision > exponent ? precision - exponent : 1, value);
        }
        return mrb_str_new_cstr(mrb, text);
}

static mrb_value string_valid(mrb_state *mrb, mrb_value self)
{
        (void)mrb;
        return mrb_bool_value(spec_regexp_utf8(self));
}

/* scrub(replacement): what is no UTF-8 is replaced. */
static mrb_value string_scrub(mrb_state *mrb, mrb_value self)
{
        const OnigUChar *p = (const OnigUChar *)RSTRING_PTR(self), *const end = p + RSTRING_LEN(self);
        const mrb_value ret = mrb_str_new_lit(mrb, "");
        const char *instead = "\xef\xbf\xbd";

        mrb_get_args(mrb, "|z!", &instead);
        while (p < end) {
                OnigCodePoint code = 0;
                const int length = character(p, end, &code);

                if (length > 0)
                        mrb_str_cat(mrb, ret, (const char *)p, (size_t)length);
                else
                        mrb_str_cat_cstr(mrb, ret, instead != NULL ? instead : "\xef\xbf\xbd");
                p += length > 0 ? length : 1;
        }
        return ret;
}

/* characters(text): its letters; what is no UTF-8 bytewise. */
static mrb_value native_characters(mrb_state *mrb, mrb_value self)
{
        mrb_value text;

        (void)self;
        mrb_get_args(mrb, "S", &text);
        const OnigUChar *p = (const OnigUChar *)RSTRING_PTR(text), *const end = p + RSTRING_LEN(text);
        const mrb_value ret = mrb_ary_new(mrb);

        while (p < end) {
                const int arena = mrb_gc_arena_save(mrb);
                OnigCodePoint code = 0;
                const int length = character(p, end, &code);

                mrb_ary_push(mrb, ret, mrb_str_new(mrb, (const char *)p, length > 0 ? length : 1));
                p += length > 0 ? length : 1;
                mrb_gc_arena_restore(mrb, arena);
        }
        return ret;
}

/* digest("sha256", text): hexadecimal, or nil for an algorithm that is not known. */
static mrb_value native_digest(mrb_state *mrb, mrb_value self)
{
        unsigned char bytes[EVP_MAX_MD_SIZE];
        const char *algorithm;
        mrb_value text, ret;
        unsigned n = 0;

        (void)self;
        mrb_get_args(mrb, "zS", &algorithm, &text);
        const EVP_MD *type = EVP_get_digestbyname(algorithm);

        if (type == NULL || EVP_Digest(RSTRING_PTR(text), (size_t)RSTRING_LEN(text), bytes, &n, type, NULL) != 1)
                return mrb_nil_value();
        ret = mrb_str_new_capa(mrb, n * 2);
        for (unsigned i = 0; i < n; i++) {
                char pair[3];

                (void)snprintf(pair, sizeof pair, "%02x", bytes[i]);
                mrb_str_cat(mrb, ret, pair, 2);
        }
        return ret;
}

void spec_string_init(mrb_state *mrb, struct RClass *module)
{
        mrb_define_method(mrb, mrb->float_class, "to_s", float_to_s, MRB_ARGS_NONE());
        mrb_define_method(mrb, mrb->float_class, "inspect", float_to_s, MRB_ARGS_NONE());
        mrb_define_method(mrb, mrb->string_class, "inspect", string_inspect, MRB_ARGS_NONE());
        mrb_define_method(mrb, mrb->string_class, "valid_encoding?", string_valid, MRB_ARGS_NONE());
        mrb_define_method(mrb, mrb->string_class, "scrub", string_scrub, MRB_ARGS_OPT(1));
        mrb_define_module_function(mrb, module, "characters", native_characters, MRB_ARGS_REQ(1));
        mrb_define_module_function(mrb, module, "digest", native_digest, MRB_ARGS_REQ(2));
}
