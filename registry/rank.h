/* Versions, dates and numbers as texts that sort by their bytes, so that a database without an opinion of versions compares
 * them, along an index.
 *
 * The order is Debian's (deb-version(7)): strcmp(reg_rank(a), reg_rank(b)) has the sign of bk_version_compare(BK_DEB, a, b),
 * unless one of them begins as a date does.
 *  - Runs of digits count as numbers of any length, leading zeros do not: 6.9 is before 6.10, 007 is 7.
 *  - "~" is before everything, also before the end: 1.0~rc1 is before 1.0. Letters come after the end, other signs after letters.
 *  - "2:" in front is an epoch, which weighs most; behind the last "-" stands a revision, which weighs least.
 *  - What begins as "2024-05" or "2024-05-01" is a date and has no revision, so that 2024-02-05 is before 2024-10.
 * Whole numbers and ISO times ("2024-05-01T10:00:00Z") fall out of this in their own order. Decimal fractions do not: 0.25 is
 * after 0.5, as versions are.
 *
 * Ranks are printable ASCII as far as the values are, valid UTF-8 in any case, and never empty. Of a longer value the
 * first REG_RANK_BYTES bytes count, so that an index holds it. */
#pragma once

enum { REG_RANK_BYTES = 200 };
char *reg_rank(const char *value);              /* the caller's */
