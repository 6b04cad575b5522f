/* Functions that load their library before they are what they stand for: the instructions, for x86-64. tools/lazy
 * writes the rows and lib/lazy.c loads. In memory there are
 *
 *   bk_lazy_slots   an address a function, zero until the library is loaded. They lie where relocations do, which is
 *                   read-only once the program has started, on pages of their own.
 *   bk_lazy_text    for each library its soname, package and purpose, then a name and a version for each function, in the
 *                   order of the slots; an empty string ends the functions, one more the libraries.
 *
 * Only r11 is touched on the way, which belongs to nobody; lazy_enter keeps whatever may be an argument. */
#include <cet.h>

        .macro LAZY_BEGIN
        .pushsection .data.rel.ro.bk_lazy, "aw", @progbits
        .balign 4096
        .globl  bk_lazy_slots, bk_lazy_slots_end
        .hidden bk_lazy_slots, bk_lazy_slots_end
        .type   bk_lazy_slots, @object
bk_lazy_slots:
        .popsection
        .pushsection .rodata.bk_lazy, "a", @progbits
        .globl  bk_lazy_text
        .hidden bk_lazy_text
        .type   bk_lazy_text, @object
bk_lazy_text:
        .popsection
        .set    lazy_libraries, 0
        .endm

        .macro LAZY_LIBRARY soname, package, purpose
        .pushsection .rodata.bk_lazy
        .if     lazy_libraries
        .byte   0
        .endif
        .asciz  "\soname", "\package", "\purpose"
        .popsection
        .set    lazy_libraries, 1
        .endm

        .macro LAZY_FUNCTION library, name, version
        .pushsection .data.rel.ro.bk_lazy
.Llazy_slot.\name:
        .quad   0
        .popsection
        .pushsection .rodata.bk_lazy
        .asciz  "\name", "\version"
        .popsection
        .text
        .balign 16
        .globl  \name
        .hidden \name
        .type   \name, @function
\name:
        .cfi_startproc
        endbr64
        cmpq    $0, .Llazy_slot.\name(%rip)
        jne     1f
        movl    $\library, %r11d
        call    lazy_enter
1:      jmp     *.Llazy_slot.\name(%rip)
        .cfi_endproc
        .size   \name, . - \name
        .endm

        .macro LAZY_END
        .pushsection .rodata.bk_lazy
        .byte   0, 0
        .size   bk_lazy_text, . - bk_lazy_text
        .popsection
        .pushsection .data.rel.ro.bk_lazy
        .balign 4096
        .size   bk_lazy_slots, . - bk_lazy_slots
bk_lazy_slots_end:
        .popsection
        .endm

/* bk_lazy_resolve(r11d), with all that may be an argument kept: no function here takes 256 bits in a register. The stack
 * is aligned: twice has a function been called. */
        .text
        .balign 16
        .type   lazy_enter, @function
lazy_enter:
        .cfi_startproc
        pushq   %rbp
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset %rbp, 0
        movq    %rsp, %rbp
        .cfi_def_cfa_register %rbp
        subq    $200, %rsp
        movq    %rdi, (%rsp)
        movq    %rsi, 8(%rsp)
        movq    %rdx, 16(%rsp)
        movq    %rcx, 24(%rsp)
        movq    %r8, 32(%rsp)
        movq    %r9, 40(%rsp)
        movq    %rax, 48(%rsp)
        movq    %r10, 56(%rsp)
        movups  %xmm0, 64(%rsp)
        movups  %xmm1, 80(%rsp)
        movups  %xmm2, 96(%rsp)
        movups  %xmm3, 112(%rsp)
        movups  %xmm4, 128(%rsp)
        movups  %xmm5, 144(%rsp)
        movups  %xmm6, 160(%rsp)
        movups  %xmm7, 176(%rsp)
        movl    %r11d, %edi
        call    bk_lazy_resolve
        movq    (%rsp), %rdi
        movq    8(%rsp), %rsi
        movq    16(%rsp), %rdx
        movq    24(%rsp), %rcx
        movq    32(%rsp), %r8
        movq    40(%rsp), %r9
        movq    48(%rsp), %rax
        movq    56(%rsp), %r10
        movups  64(%rsp), %xmm0
        movups  80(%rsp), %xmm1
        movups  96(%rsp), %xmm2
        movups  112(%rsp), %xmm3
        movups  128(%rsp), %xmm4
        movups  144(%rsp), %xmm5
        movups  160(%rsp), %xmm6
        movups  176(%rsp), %xmm7
        leave
        .cfi_def_cfa %rsp, 8
        ret
        .cfi_endproc
        .size   lazy_enter, . - lazy_enter

        .section .note.GNU-stack, "", @progbits
        .text
