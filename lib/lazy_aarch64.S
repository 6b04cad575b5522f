/* What lazy_x86_64.S explains, for aarch64. x16 and x17 are free between a caller and a function; a page has up to 64 KiB. */
        .macro LAZY_BEGIN
        .pushsection .data.rel.ro.bk_lazy, "aw", %progbits
        .balign 65536
        .globl  bk_lazy_slots, bk_lazy_slots_end
        .hidden bk_lazy_slots, bk_lazy_slots_end
        .type   bk_lazy_slots, %object
bk_lazy_slots:
        .popsection
        .pushsection .rodata.bk_lazy, "a", %progbits
        .globl  bk_lazy_text
        .hidden bk_lazy_text
        .type   bk_lazy_text, %object
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
        .type   \name, %function
\name:
        .cfi_startproc
        hint    34                              /* bti c */
        adrp    x16, .Llazy_slot.\name
        add     x16, x16, :lo12:.Llazy_slot.\name
        ldar    x16, [x16]
        cbnz    x16, 1f
        stp     x29, x30, [sp, -16]!
        .cfi_adjust_cfa_offset 16
        .cfi_rel_offset x29, 0
        .cfi_rel_offset x30, 8
        mov     x29, sp
        mov     w17, \library
        bl      lazy_enter
        ldp     x29, x30, [sp], 16
        .cfi_adjust_cfa_offset -16
        .cfi_restore x29
        .cfi_restore x30
        adrp    x16, .Llazy_slot.\name
        add     x16, x16, :lo12:.Llazy_slot.\name
        ldar    x16, [x16]
1:      br      x16
        .cfi_endproc
        .size   \name, . - \name
        .endm

        .macro LAZY_END
        .pushsection .rodata.bk_lazy
        .byte   0, 0
        .size   bk_lazy_text, . - bk_lazy_text
        .popsection
        .pushsection .data.rel.ro.bk_lazy
        .balign 65536
        .size   bk_lazy_slots, . - bk_lazy_slots
bk_lazy_slots_end:
        .popsection
        .endm

/* bk_lazy_resolve(w17), with all that may be an argument kept. */
        .text
        .balign 16
        .type   lazy_enter, %function
lazy_enter:
        .cfi_startproc
        stp     x29, x30, [sp, -224]!
        .cfi_adjust_cfa_offset 224
        .cfi_rel_offset x29, 0
        .cfi_rel_offset x30, 8
        mov     x29, sp
        stp     x0, x1, [sp, 16]
        stp     x2, x3, [sp, 32]
        stp     x4, x5, [sp, 48]
        stp     x6, x7, [sp, 64]
        str     x8, [sp, 80]
        stp     q0, q1, [sp, 96]
        stp     q2, q3, [sp, 128]
        stp     q4, q5, [sp, 160]
        stp     q6, q7, [sp, 192]
        mov     w0, w17
        bl      bk_lazy_resolve
        ldp     x0, x1, [sp, 16]
        ldp     x2, x3, [sp, 32]
        ldp     x4, x5, [sp, 48]
        ldp     x6, x7, [sp, 64]
        ldr     x8, [sp, 80]
        ldp     q0, q1, [sp, 96]
        ldp     q2, q3, [sp, 128]
        ldp     q4, q5, [sp, 160]
        ldp     q6, q7, [sp, 192]
        ldp     x29, x30, [sp], 224
        .cfi_adjust_cfa_offset -224
        .cfi_restore x29
        .cfi_restore x30
        ret
        .cfi_endproc
        .size   lazy_enter, . - lazy_enter

        .section .note.GNU-stack, "", %progbits
        .text
