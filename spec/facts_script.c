/* The POSIX shell script that asks a guest for files and for what lines print. It runs in dash, bash and busybox' ash, starts few
 * programs (one for some dozen paths, one a content, one a link), and does with ls where stat is missing.
 *
 * Every record of its output begins with a random word that only it knows, as it is read from standard input and is no argument of any
 * program: no content can forge one. A record is a letter and bytes of any kind:
 *   L path, T target            a link
 *   A path                      nothing is there
 *   Y stats, W messages         of all paths of a group; each one is its numbers, its path and the separator
 *   F folder, M names, E flag   each name ends with a NUL; the flag is 1 when there are more
 *   C file, D content, E status limit       one byte more than the limit when there is more
 *   K path, R reason            a content or folder that does not come: denied, large, later
 *   Q number, O output, X messages|status   of a line
 *   Z                           the end: without it the answer is not whole */
#include "spec/facts_priv.h"

#include <string.h>
#include <sys/random.h>

/* B, S and the limits are set before. Helpers: bk_stat, bk_size, bk_link, bk_read LIMIT FILE; bk_list FOLDER; bk_content LIMIT FILE...;
 * bk_paths LIMIT PATH...; bk_line NUMBER LINE. A link is resolved as the kernel would, but noted at every step. */
static const char helpers[] =
        "LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
        "export LC_ALL PATH\n"
        "unset IFS\n"
        "unset CDPATH ENV\n"
        "set -f\n"
        "exec 3>&1\n"
        "T=0\n"
        "bk_fifth() { echo \"$5\"; }\n"
        "if stat -c %f / >/dev/null 2>&1 </dev/null; then\n"
        "  bk_stat() { stat -c \"%f %s %u %g %h %i %d %t %T %b %o %X %Y %Z %n$S\" \"$@\" </dev/null; }\n"
        "  bk_size() { stat -c %s \"$@\" </dev/null; }\n"
        "else\n"
        "  bk_stat() { for p in \"$@\"; do\n"
        "    x=$(ls -lnid \"$p\" </dev/null) || continue\n"
        "    y=; [ -L \"$p\" ] || y=$(date -r \"$p\" +%s 2>/dev/null </dev/null)\n"
        "    printf 'l%s %s%s%s%s\\n' \"${y:-0}\" \"$x\" \"$S\" \"$p\" \"$S\"\n"
        "  done; }\n"
        "  bk_size() { for p in \"$@\"; do bk_fifth $(ls -lnd \"$p\" </dev/null); done; }\n"
        "fi\n"
        /* An ls may write a question mark for what is not printable: that is no target. */
        "if command -v readlink >/dev/null 2>&1; then\n"
        "  bk_link() { readlink \"$1\" </dev/null; }\n"
        "else\n"
        "  bk_link() { x=$(ls -ld \"$1\" </dev/null && echo .) || return; x=${x%??}; x=${x#*\" $1 -> \"}\n"
        "    case $x in *'?'*) return;; esac; printf '%s\\n' \"$x\"; }\n"
        "fi\n"
        "if head -c 1 /dev/null >/dev/null 2>&1 </dev/null; then\n"
        "  bk_read() { head -c \"$1\" \"$2\" 2>/dev/null </dev/null; }\n"
        "else\n"
        "  bk_read() { cat \"$2\" 2>/dev/null </dev/null; }\n"
        "fi\n"
        /* Builtins only. Not even a stat for each name: a mount that hangs is below only one of them. */
        "bk_list() {\n"
        "  [ -r \"$1\" ] || { printf '%sK%s%sRdenied' \"$B\" \"$1\" \"$B\"; return; }\n"
        "  printf '%sF%s%sM' \"$B\" \"$1\" \"$B\"\n"
        "  i=0 more=0\n"
        "  set +f\n"
        "  for p in \"${1%/}\"/* \"${1%/}\"/.*; do\n"
        "    case $p in */'*'|*/'.*') [ -L \"$p\" ] || [ -e \"$p\" ] || continue;; esac\n"
        "    i=$((i+1)); [ $i -le $N ] || { more=1; break; }\n"
        "    printf '%s\\0' \"${p##*/}\"\n"
        "  done\n"
        "  set -f\n"
        "  printf '%sE%s' \"$B\" $more\n"
        "}\n"
        /* Files of /proc have no size: read up to the limit. Those that would wait for ever are left alone. */
        "bk_content() {\n"
        "  m=$1; shift\n"
        "  for z in $(bk_size \"$@\" 2>/dev/null); do\n"
        "    r=$1; shift\n"
        "    y=\n"
        "    case $r in /proc/kmsg|/proc/*/mem|*/trace_pipe) y=denied;; esac\n"
        "    if [ -n \"$y\" ] || ! [ -r \"$r\" ]; then y=denied\n"
        "    elif [ ${#z} -gt 9 ] || [ \"$z\" -gt \"$m\" ]; then y=large\n"
        "    elif [ $T -gt $G ]; then y=later\n"
        "    fi\n"
        "    if [ -n \"$y\" ]; then printf '%sK%s%sR%s' \"$B\" \"$r\" \"$B\" $y; continue; fi\n"
        "    printf '%sC%s%sD' \"$B\" \"$r\" \"$B\"\n"
        "    bk_read $((m+1)) \"$r\"\n"
        "    printf '%sE%s %s' \"$B\" $? $m\n"
        "    T=$((T+z+4096))\n"
        "  done\n"
        "}\n"
        /* c: the way so far, without links; r: what is still to be gone; k: the way of the path before, whose folders are known; w: the
         * files at the ends; the first two links of a way are remembered, as neighbours share them. */
        "K0= K1= k=\n"
        "bk_paths() {\n"
        "  m=$1 w=; shift\n"
        "  n=$#\n"
        "  for r in \"$@\"; do\n"
        "    c= h=0 end=1\n"
        "    while :; do\n"
        "      while :; do case $r in /*) r=${r#/};; *) break;; esac; done\n"
        "      [ -n \"$r\" ] || break\n"
        "      e=${r%%/*}\n"
        "      case $r in */*) r=/${r#*/};; *) r=;; esac\n"
        "      case $e in .) continue;; ..) c=${c%/*}; continue;; esac\n"
        "      q=$c/$e\n"
        "      if [ -L \"$q\" ]; then\n"
        "        set -- \"$@\" \"$q\"\n"
        "        if [ $h = 0 ] && [ \"$K0\" = \"$q\" ]; then t=$T0\n"
        "        elif [ $h = 1 ] && [ \"$K1\" = \"$q\" ]; then t=$T1\n"
        "        else\n"
        "          t=$(bk_link \"$q\" 2>/dev/null; echo .)\n"
        "          t=${t%?}; t=${t%?}\n"
        "          [ -z \"$t\" ] || printf '%sL%s%sT%s' \"$B\" \"$q\" \"$B\" \"$t\"\n"
        "        fi\n"
        "        case $h in 0) K0=$q T0=$t;; 1) K1=$q T1=$t;; esac\n"
        "        case $q in /proc/self|/proc/thread-self) c=$q; continue;; esac\n"
        "        h=$((h+1))\n"
        "        if [ -z \"$t\" ] || [ $h -gt 40 ]; then end=0; break; fi\n"
        "        case $t in /*) c=;; esac\n"
        "        r=$t$r\n"
        "      elif [ -d \"$q\" ]; then\n"
        "        c=$q\n"
        "        case $k/ in \"$q\"/*) ;; *) set -- \"$@\" \"$q\";; esac\n"
        "      else\n"
        "        set -- \"$@\" \"$q\"\n"
        "        [ -e \"$q\" ] || { printf '%sA%s' \"$B\" \"$q\"; end=0; }\n"
        "        [ -z \"$r\" ] || end=0\n"
        "        c=$q\n"
        "        break\n"
        "      fi\n"
        "    done\n"
        "    k=$c\n"
        "    if [ -z \"$c\" ]; then c=/; set -- \"$@\" /; fi\n"
        "    if [ $end = 0 ]; then :\n"
        "    elif [ -d \"$c\" ]; then bk_list \"$c\"\n"
        "    elif [ -f \"$c\" ]; then w=\"$w \\\"\\${$#}\\\"\"\n"
        "    fi\n"
        "  done\n"
        "  bk_stats $n \"$@\"\n"
        "  [ -z \"$w\" ] || eval \"bk_content $m $w\"\n"
        "}\n"
        "bk_stats() {\n"
        "  n=$1; shift; shift $n\n"
        "  printf '%sY' \"$B\"\n"
        "  x=$(bk_stat \"$@\" 2>&1 >&3)\n"
        "  printf '%sW%s' \"$B\" \"$x\"\n"
        "}\n"
        "bk_line() {\n"
        "  printf '%sQ%s%sO' \"$B\" \"$1\" \"$B\"\n"
        "  x=$(sh -c \"$2\" 2>&1 >&3 3>&- </dev/null; printf '|%s' $?)\n"
        "  printf '%sX%s' \"$B\" \"$x\"\n"
        "}\n";

static int token(char *ret, struct bk_error *err)
{
        static const char letters[] = "0123456789abcdefghijklmnopqrstuv";
        unsigned char bytes[FACTS_TOKEN];

        if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
                return bk_fail_errno(err, "no random bytes");
        for (int i = 0; i < FACTS_TOKEN; i++)
                ret[i] = letters[bytes[i] % 32];
        ret[FACTS_TOKEN] = '\0';
        return 0;
}

void facts_batch_done(struct facts_batch *batch)
{
        bk_buf_done(&batch->script);
        free(batch->lines);
        *batch = (struct facts_batch){ 0 };
}

int facts_batch_begin(struct facts_batch *batch, struct bk_error *err)
{
        *batch = (struct facts_batch){ 0 };
        if (token(batch->boundary, err) < 0 || token(batch->separator, err) < 0)
                return -1;
        bk_buf_printf(&batch->script, "B=%s S=%s G=%d\n", batch->boundary, batch->separator, FACTS_BATCH);
        bk_buf_puts(&batch->script, helpers);
        return 0;
}

void facts_quote(struct bk_buf *buf, const char *text)
{
        bk_buf_putc(buf, '\'');
        for (; *text != '\0'; text++)
                if (*text == '\'')
                        bk_buf_puts(buf, "'\\''");
                else
                        bk_buf_putc(buf, *text);
        bk_buf_putc(buf, '\'');
}

void facts_batch_paths(struct facts_batch *batch, size_t limit, char *const paths[], size_t n)
{
        bk_buf_printf(&batch->script, "N=%d\n", limit > FACTS_WHOLE ? FACTS_NAMES_MOST : FACTS_NAMES_SMALL);
        for (size_t i = 0; i < n; i++) {
                if (i % FACTS_GROUP == 0)
                        bk_buf_printf(&batch->script, "bk_paths %zu", limit);
                bk_buf_putc(&batch->script, ' ');
                facts_quote(&batch->script, paths[i]);
                if (i % FACTS_GROUP == FACTS_GROUP - 1 || i == n - 1)
                        bk_buf_putc(&batch->script, '\n');
        }
}

void facts_batch_line(struct facts_batch *batch, struct fact_line *line)
{
        if ((batch->n_lines & (batch->n_lines - 1)) == 0)
                batch->lines = bk_grow(batch->lines, batch->n_lines ? batch->n_lines * 2 : 1, sizeof *batch->lines);
        bk_buf_printf(&batch->script, "bk_line %zu ", batch->n_lines);
        facts_quote(&batch->script, line->line);
        bk_buf_putc(&batch->script, '\n');
        batch->lines[batch->n_lines++] = line;
}

void facts_batch_end(struct facts_batch *batch)
{
        bk_buf_puts(&batch->script, "printf '%sZ' \"$B\"\n");
}
