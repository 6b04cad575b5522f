/* How bad it is: words, and base scores of CVSS by its specifications (https://www.first.org/cvss/). */
#include "registry/advisory.h"

#include <math.h>
#include <string.h>
#include <strings.h>

static const char *const names[] = { "unknown", "negligible", "low", "medium", "high", "critical" };

const char *reg_severity_name(enum reg_severity severity)
{
        return (unsigned)severity < sizeof names / sizeof *names ? names[severity] : names[0];
}

enum reg_severity reg_severity_of(const char *word)
{
        static const struct { const char *word; enum reg_severity severity; } others[] = {
                { "none", REG_NEGLIGIBLE }, { "unimportant", REG_NEGLIGIBLE }, { "moderate", REG_MEDIUM }, { "important", REG_HIGH },
        };

        for (size_t i = 1; word != NULL && i < sizeof names / sizeof *names; i++)
                if (strcasecmp(names[i], word) == 0)
                        return (enum reg_severity)i;
        for (size_t i = 0; word != NULL && i < sizeof others / sizeof *others; i++)
                if (strcasecmp(others[i].word, word) == 0)
                        return others[i].severity;
        return REG_UNRATED;
}

enum reg_severity reg_cvss_severity(int score)
{
        return score < 0 ? REG_UNRATED : score == 0 ? REG_NEGLIGIBLE : score < 40 ? REG_LOW : score < 70 ? REG_MEDIUM :
               score < 90 ? REG_HIGH : REG_CRITICAL;
}

/* The letter behind "/KEY:", or '\0'. */
static char metric(const char *vector, const char *key)
{
        const size_t n = strlen(key);

        for (const char *p = vector; p != NULL && *p != '\0'; p = strchr(p, '/') ? strchr(p, '/') + 1 : NULL)
                if (strncmp(p, key, n) == 0 && p[n] == ':')
                        return p[n + 1];
        return '\0';
}

struct weights { const char *key, *letters; double v[4]; };

/* Negative where the metric is missing or unknown. */
static double weight(const char *vector, const struct weights *row)
{
        const char letter = metric(vector, row->key);
        const char *at = letter != '\0' ? strchr(row->letters, letter) : NULL;

        return at != NULL ? row->v[at - row->letters] : -1;
}

/* Up to one decimal, by whole numbers, as the specification's appendix A has it. */
static int round_up(double score)
{
        const long whole = lround(score * 100000);

        return (int)(whole % 10000 == 0 ? whole / 10000 : whole / 10000 + 1);
}

static int cvss_3(const char *vector)
{
        static const struct weights rows[] = {
                { "AV", "NALP", { 0.85, 0.62, 0.55, 0.2 } }, { "AC", "LH", { 0.77, 0.44 } }, { "UI", "NR", { 0.85, 0.62 } },
                { "C", "HLN", { 0.56, 0.22, 0 } }, { "I", "HLN", { 0.56, 0.22, 0 } }, { "A", "HLN", { 0.56, 0.22, 0 } },
        };
        static const struct weights unchanged = { "PR", "NLH", { 0.85, 0.62, 0.27 } }, changed = { "PR", "NLH", { 0.85, 0.68, 0.5 } };
        const char scope = metric(vector, "S");
        const double privileges = weight(vector, scope == 'C' ? &changed : &unchanged);
        double w[6], base, impact, exploitability;

        for (size_t i = 0; i < 6; i++) {
                w[i] = weight(vector, &rows[i]);
                if (w[i] < 0)
                        return -1;
        }
        if (privileges < 0 || (scope != 'C' && scope != 'U'))
                return -1;
        base = 1 - (1 - w[3]) * (1 - w[4]) * (1 - w[5]);
        impact = scope == 'U' ? 6.42 * base : 7.52 * (base - 0.029) - 3.25 * pow(base - 0.02, 15);
        exploitability = 8.22 * w[0] * w[1] * privileges * w[2];
        if (impact <= 0)
                return 0;
        return round_up(fmin((scope == 'U' ? 1 : 1.08) * (impact + exploitability), 10));
}

static int cvss_2(const char *vector)
{
        static const struct weights rows[] = {
                { "AV", "LAN", { 0.395, 0.646, 1.0 } }, { "AC", "HML", { 0.35, 0.61, 0.71 } }, { "Au", "MSN", { 0.45, 0.56, 0.704 } },
                { "C", "NPC", { 0, 0.275, 0.660 } }, { "I", "NPC", { 0, 0.275, 0.660 } }, { "A", "NPC", { 0, 0.275, 0.660 } },
        };
        double w[6], impact;

        for (size_t i = 0; i < 6; i++) {
                w[i] = weight(vector, &rows[i]);
                if (w[i] < 0)
                        return -1;
        }
        impact = 10.41 * (1 - (1 - w[3]) * (1 - w[4]) * (1 - w[5]));
        return (int)lround(10 * (0.6 * impact + 0.4 * 20 * w[0] * w[1] * w[2] - 1.5) * (impact > 0 ? 1.176 : 0));
}

int reg_cvss_score(const char *vector)
{
        if (strncmp(vector, "CVSS:3.0/", 9) == 0 || strncmp(vector, "CVSS:3.1/", 9) == 0)
                return cvss_3(vector);
        return strncmp(vector, "AV:", 3) == 0 ? cvss_2(vector) : -1;
}
