/* `defined?(x)`, which mruby 3.1 does not know: it compiles to a call of a method of that name, with x evaluated first. So in code
 * that was just compiled, the instruction that gets a constant, a variable or a method's value for that call is made one that loads
 * its name as a symbol: LOADSYM has the operands of GETCONST and its kin. Kernel#defined? then looks the names up.
 * Instructions keep their places, so no jump changes. */
#include "spec/ruby_priv.h"

#include <mruby/irep.h>
#include <mruby/opcode.h>

enum shape { SHAPE_Z, SHAPE_B, SHAPE_BB, SHAPE_BBB, SHAPE_BS, SHAPE_BSS, SHAPE_S, SHAPE_W };

static const uint8_t shapes[] = {
#define OPCODE(name, shape) SHAPE_##shape,
#include <mruby/ops.h>
#undef OPCODE
};

enum { LOOK_BACK = 8, DEPTH_MOST = 200 };

struct instruction {
        mrb_code *at;                   /* its opcode, behind a prefix */
        mrb_code op, prefix;
        unsigned a, b, c;
        unsigned size;                  /* without the prefix */
};

/* How EXT1, EXT2 and EXT3 widen the first and the second operand. */
static void decode(mrb_code *at, mrb_code prefix, struct instruction *ret)
{
        const enum shape shape = shapes[*at];
        const bool has_a = shape != SHAPE_Z && shape != SHAPE_S && shape != SHAPE_W, has_b = shape == SHAPE_BB || shape == SHAPE_BBB;
        const bool wide_a = has_a && (prefix == OP_EXT1 || prefix == OP_EXT3), wide_b = has_b && (prefix == OP_EXT2 || prefix == OP_EXT3);
        static const uint8_t rest[] = { [SHAPE_BBB] = 1, [SHAPE_BS] = 2, [SHAPE_BSS] = 4, [SHAPE_S] = 2, [SHAPE_W] = 3 };
        const mrb_code *p = at + 1;

        *ret = (struct instruction){ .at = at, .op = *at, .prefix = prefix };
        if (has_a) {
                ret->a = wide_a ? (unsigned)(p[0] << 8 | p[1]) : p[0];
                p += wide_a ? 2 : 1;
        }
        if (has_b) {
                ret->b = wide_b ? (unsigned)(p[0] << 8 | p[1]) : p[0];
                p += wide_b ? 2 : 1;
        }
        if (shape == SHAPE_BBB)
                ret->c = *p;
        ret->size = (unsigned)(p - at) + (shape < sizeof rest ? rest[shape] : 0);
}

/* The n-th before the newest, in the ring of the last ones. */
static struct instruction *back(struct instruction *ring, size_t newest, unsigned n)
{
        return n < LOOK_BACK && n <= newest ? &ring[(newest - n) % LOOK_BACK] : NULL;
}

/* A::B::C: three names, in registers of their own. Returns how many, or 0. */
static unsigned rewrite_constant(struct instruction *ring, size_t newest, unsigned reg)
{
        unsigned n = 1;
        struct instruction *at = back(ring, newest, n), *first;

        while (at != NULL && at->op == OP_GETMCNST && at->a == reg)
                at = back(ring, newest, ++n);
        first = at;
        if (first == NULL || first->a != reg || (first->op != OP_GETCONST && (first->op != OP_OCLASS || n == 1)))
                return 0;
        const unsigned names = first->op == OP_OCLASS ? n - 1 : n;

        for (unsigned i = 0; i < names; i++) {
                at = back(ring, newest, names - i);
                if (at->prefix == OP_EXT1 || at->prefix == OP_EXT3 || at->a + i > 255)
                        return 0;
        }
        for (unsigned i = 0; i < names; i++) {
                at = back(ring, newest, names - i);
                at->at[0] = OP_LOADSYM;
                at->at[1] = (mrb_code)(at->a + i);
        }
        return names;
}

/* Makes the argument of the call a name, where it is the value of one. Returns how many arguments the call has then. */
static unsigned rewrite_argument(struct instruction *ring, size_t newest, unsigned reg)
{
        struct instruction *last = back(ring, newest, 1);
        const unsigned names = rewrite_constant(ring, newest, reg);

        if (names > 0)
                return names;
        if (last == NULL || last->a != reg)
                return 1;
        if (last->op == OP_GETIV || last->op == OP_GETGV || last->op == OP_GETCV)
                last->at[0] = OP_LOADSYM;
        if (last->op == OP_SSEND && last->c == 0) {
                last->at[0] = OP_LOADSYM;
                last->at[last->size - 1] = OP_NOP;
        }
        return 1;
}

static void rewrite(mrb_state *mrb, mrb_irep *irep)
{
        const mrb_sym name = mrb_intern_lit(mrb, "defined?");
        struct instruction ring[LOOK_BACK];
        mrb_code *p = (mrb_code *)irep->iseq, *const end = p + irep->ilen;
        size_t n = 0;

        while (p < end) {
                mrb_code prefix = 0;

                if (*p == OP_EXT1 || *p == OP_EXT2 || *p == OP_EXT3)
                        prefix = *p++;
                if (p >= end || *p >= sizeof shapes)
                        return;
                struct instruction *const now = &ring[n % LOOK_BACK];

                decode(p, prefix, now);
                p += now->size;
                if (now->op == OP_SSEND && now->c == 1 && now->b < irep->slen && irep->syms[now->b] == name) {
                        const unsigned arguments = rewrite_argument(ring, n, now->a + 1);

                        now->at[now->size - 1] = (mrb_code)arguments;
                        if (irep->nregs < now->a + arguments + 3)
                                irep->nregs = (uint16_t)(now->a + arguments + 3);
                }
                n++;
        }
}

static void walk(mrb_state *mrb, const mrb_irep *irep, int depth)
{
        rewrite(mrb, (mrb_irep *)irep);
        for (int i = 0; depth < DEPTH_MOST && i < irep->rlen; i++)
                walk(mrb, irep->reps[i], depth + 1);
}

void spec_defined_rewrite(mrb_state *mrb, const struct mrb_irep *irep)
{
        walk(mrb, irep, 0);
}
