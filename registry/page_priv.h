/* The registry as people see it in a browser: pages.
 *
 * A page asks the API as a program would, with the rights of who looks at it, and shows the answer; so both say the same. What the path
 * of a page is below "/", is that of the answer below "/api/v1". Pages read; nothing is changed by them. */
#pragma once
#include "registry/api.h"
#include "registry/html.h"
#include "registry/registry_priv.h"

/* --- page.c --------------------------------------------------------------------------- */
/* What the API answers to GET; *ret is the caller's. An answer of 400 or more is an error, as it was there. */
int reg_page_ask(const struct reg_call *call, const char *path, const char *query, json_t **ret, struct bk_error *err) BK_MUST_CHECK;
/* The value of a field of the page's form, decoded and without blanks around it; NULL when it is empty or not there. */
int reg_page_field(const struct reg_call *call, const char *name, char **ret, struct bk_error *err) BK_MUST_CHECK;
/* "/images/team%2Fweb" of its parts, of which the first is ours; the caller's. */
#define reg_page_path(...) reg_page_path_of((const char *const[]){ __VA_ARGS__, NULL })
char *reg_page_path_of(const char *const *parts);
/* Puts "name=value" to a query, escaped, where there is a value. */
void reg_page_query(struct bk_buf *query, const char *name, const char *value);

/* section: the path of what it belongs to, as in the row at the top. heading NULL: the title is it. json: where the API has the same, behind
 * "/api/v1"; NULL: nowhere. */
struct reg_page { const char *title, *section, *heading, *json; bool script; };
void reg_page_begin(struct reg_html *html, const struct reg_page *page);
/* Ends it, and it is the answer. */
void reg_page_end(const struct reg_call *call, struct reg_html *html, const struct reg_page *page);
/* Something went wrong within a page that can be shown all the same; it has the error's status. */
void reg_page_alert(const struct reg_call *call, struct reg_html *html, const struct bk_error *err);
/* The page of an error, for where a page was wanted. */
void reg_page_failure(struct reg_answer *answer, const struct bk_error *err);
/* A form that asks a page in another way; the path is the page's. Fields, then the button's word. */
void reg_page_form(struct reg_html *html, const char *path);
void reg_page_input(struct reg_html *html, const char *name, const char *label, const char *value, const char *example);
void reg_page_choice(struct reg_html *html, const char *name, const char *label, const char *const *words, const char *chosen); /* "any" and these */
void reg_page_switch(struct reg_html *html, const char *name, const char *label, bool on);
void reg_page_form_end(struct reg_html *html, const char *button);
/* A line that says what to do where there is nothing yet; command: NULL for none. */
void reg_page_empty(struct reg_html *html, const char *text, const char *command);
/* A link to what follows. query: of this page, without the cursor. */
void reg_page_next(struct reg_html *html, const char *path, const char *query, const char *name, const json_t *cursor);

/* --- cells of tables: a whole item in them -------------------------------------------------- */
void reg_page_named(struct reg_html *html, const json_t *item);         /* by its fields "id" and "name" */
void reg_page_tags(struct reg_html *html, const json_t *attributes, size_t most);      /* each leads to the images that have it, too */
void reg_page_in_use(struct reg_html *html, const json_t *yes);         /* true, or not */
void reg_page_channel_link(struct reg_html *html, const json_t *reference);     /* "name:channel" */

/* --- what several pages show -------------------------------------------------------------- */
/* page_images.c */
void reg_page_images_table(struct reg_html *html, const char *caption, const json_t *items);
int reg_page_images(struct reg_call *call, struct bk_error *err) BK_MUST_CHECK;
/* page_life.c */
void reg_page_channels_table(struct reg_html *html, const char *caption, const json_t *items, size_t most);
void reg_page_events_table(struct reg_html *html, const char *caption, const json_t *items);      /* the last of them first */
/* page_bakes.c */
void reg_page_bakes_table(struct reg_html *html, const char *caption, const json_t *items);
/* page_advisories.c */
void reg_page_findings_table(struct reg_html *html, const char *caption, const json_t *items, size_t most);     /* the worst first */
void reg_page_severities(struct reg_html *html, const json_t *counts);
/* page_inside.c */
void reg_page_package_form(struct reg_html *html, const char *image, const char *name);
/* page_life.c: who uses images */
void reg_page_launches_table(struct reg_html *html, const char *caption, const json_t *items, bool with_image);

/* --- pages, one a file or a few ---------------------------------------------------------------- */
int reg_page_image(struct reg_call *call, struct bk_error *err) BK_MUST_CHECK;
int reg_page_image_packages(struct reg_call *call, struct bk_error *err) BK_MUST_CHECK;
int reg_page_image_vulnerable(struct reg_call *call, struct bk_error *err) BK_MUST_CHECK;
int reg_page_image_diff(struct reg_call *call, struct bk_error *err) BK_MUST_CHECK;
int reg_page_channels(struct reg_call *call, struct bk_error *err) BK_MUST_CHECK;
int reg_page_channel(struct reg_call *call, struct bk_error *err) BK_MUST_CHECK;
int reg_page_audit(struct reg_call *call, struct bk_error *err) BK_MUST_CHECK;
int reg_page_usage(struct reg_call *call, struct bk_error *err) BK_MUST_CHECK;
int reg_page_bakes(struct reg_call *call, struct bk_error *err) BK_MUST_CHECK;
int reg_page_bake(struct reg_call *call, struct bk_error *err) BK_MUST_CHECK;
int reg_page_advisories(struct reg_call *call, struct bk_error *err) BK_MUST_CHECK;
int reg_page_advisory(struct reg_call *call, struct bk_error *err) BK_MUST_CHECK;
int reg_page_packages(struct reg_call *call, struct bk_error *err) BK_MUST_CHECK;
int reg_page_janitor(struct reg_call *call, struct bk_error *err) BK_MUST_CHECK;
/* The plan alone, as janitor_plan_json() tells it. */
void reg_page_plan(struct reg_html *html, const json_t *plan);
