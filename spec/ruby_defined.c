/* What mruby 3.1 does not know and its compiled code can be made to know.
 *
 * `defined?(x)`: it compiles to a call of a method of that name, with x evaluated first. So in code
 * that was just compiled, the instruction that gets a constant, a variable or a method's value for that call is made one that loads
 * its name as a symbol: LOADSYM has the operands of GETCONST and its kin. Kernel#defined? then looks the names up.
 * `$!` and `raise` without arguments: a rescue clause begins by taking the exception into a register and getting the class that it is
 * for. The name of that constant is made one that is missing, so that const_missing can look into the register.
 * Instructions keep their places, so no jump changes. */
#include "spec/ruby_priv.h"

#include <stdlib.h>
#include <string.h>

#include <mruby/class.h>
#include <mruby/error.h>
#include <mruby/irep.h>
#include <mruby/proc.h>
#include <mruby/string.h>
#include <mruby/variable.h>
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
                at = &ring[(newest - (names - i)) % LOOK_BACK];
                if (at->prefix == OP_EXT1 || at->prefix == OP_EXT3 || at->a + i > 255)
                        return 0;
        }
        for (unsigned i = 0; i < names; i++) {
                at = &ring[(newest - (names - i)) % LOOK_BACK];
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
        if (last->op == OP_SSEND && last->c < 15) {
                last->at[0] = OP_LOADSYM;
                last->at[last->size - 1] = OP_NOP;
        }
        if (last->op == OP_SEND && last->c == 0 && last->prefix == 0 && reg < 255) {    /* receiver.name: both */
                last->at[0] = OP_LOADSYM;
                last->at[1] = (mrb_code)(reg + 1);
                last->at[last->size - 1] = OP_NOP;
                return 2;
        }
        return 1;
}

/* Rescue clauses look for "__rescue_<register>_<constant>". */
static void watch_rescue(mrb_state *mrb, mrb_irep *irep, const struct instruction *getconst)
{
        mrb_sym *syms = (mrb_sym *)irep->syms;
        mrb_value name;
        unsigned at = 0;

        if (irep->slen >= 256 || getconst->b >= irep->slen)
                return;
        name = mrb_format(mrb, "__rescue_%i_%n", (mrb_int)getconst->a - 1, syms[getconst->b]);
        const mrb_sym symbol = mrb_intern_str(mrb, name);

        while (at < irep->slen && syms[at] != symbol)
                at++;
        if (at == irep->slen) {
                syms = mrb_realloc(mrb, syms, ((size_t)irep->slen + 1) * sizeof *syms);
                syms[irep->slen++] = symbol;
                irep->syms = syms;
        }
        getconst->at[2] = (mrb_code)at;
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
                if (now->op == OP_GETCONST && n > 0 && ring[(n - 1) % LOOK_BACK].op == OP_EXCEPT && ring[(n - 1) % LOOK_BACK].a + 1 == now->a &&
                    prefix == 0)
                        watch_rescue(mrb, irep, now);
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

/* The constant as the code of proc sees it. */
static mrb_value constant_of(mrb_state *mrb, const struct RProc *proc, mrb_sym name)
{
        for (; proc != NULL && !MRB_PROC_CFUNC_P(proc); proc = proc->upper) {
                struct RClass *class = MRB_PROC_TARGET_CLASS(proc);

                if (class != NULL && mrb_const_defined_at(mrb, mrb_obj_value(class), name))
                        return mrb_const_get(mrb, mrb_obj_value(class), name);
        }
        return mrb_const_get(mrb, mrb_obj_value(mrb->object_class), name);
}

/* Module#const_missing */
static mrb_value native_const_missing(mrb_state *mrb, mrb_value self)
{
        static const char prefix[] = "__rescue_";
        const mrb_callinfo *caller = mrb->c->ci - 1;
        mrb_sym name;

        mrb_get_args(mrb, "n", &name);
        const char *text = mrb_sym_name(mrb, name);
        char *end;
        unsigned long reg;

        if (strncmp(text, prefix, sizeof prefix - 1) != 0)
                return mrb_funcall(mrb, self, "__const_missing", 1, mrb_symbol_value(name));
        reg = strtoul(text + sizeof prefix - 1, &end, 10);
        if (*end != '_' || caller <= mrb->c->cibase || caller->proc == NULL || MRB_PROC_CFUNC_P(caller->proc) ||
            reg >= caller->proc->body.irep->nregs)
                return mrb_nil_value();
        mrb_gv_set(mrb, mrb_intern_lit(mrb, "$!"), caller->stack[reg]);
        return constant_of(mrb, caller->proc, mrb_intern_cstr(mrb, end + 1));
}

/* raise without arguments: what was rescued last. */
static mrb_value native_raise(mrb_state *mrb, mrb_value self)
{
        const mrb_func_t raise = spec_native(mrb, self, SPEC_SYM("__raise"));
        const mrb_value last = mrb_gv_get(mrb, mrb_intern_lit(mrb, "$!"));

        if (mrb_get_argc(mrb) == 0 && mrb_exception_p(last))
                mrb_exc_raise(mrb, last);
        return raise(mrb, self);
}

void spec_defined_init(mrb_state *mrb)
{
        mrb_alias_method(mrb, mrb->kernel_module, mrb_intern_lit(mrb, "__raise"), mrb_intern_lit(mrb, "raise"));
        mrb_define_method(mrb, mrb->kernel_module, "raise", native_raise, MRB_ARGS_ANY());
        mrb_alias_method(mrb, mrb->module_class, mrb_intern_lit(mrb, "__const_missing"), mrb_intern_lit(mrb, "const_missing"));
        mrb_define_method(mrb, mrb->module_class, "const_missing", native_const_missing, MRB_ARGS_REQ(1));
}

void spec_defined_rewrite(mrb_state *mrb, const struct mrb_irep *irep)
{
        walk(mrb, irep, 0);
}
