/* Who uses images.
 *
 * A launch reference says that an instance runs from an image, or may: a libvirt domain, a host that reported its first boot, a
 * netboot assignment. References come from sources. Some sources tell of one instance at a time (a guest that phones home); some
 * know all of theirs at once (a hypervisor), so that what they no longer name has ended. How fresh each source is, is recorded
 * beside: what a source told stays true until it says otherwise, and a source that fails takes nothing back. */
#pragma once
#include "registry/registry.h"

/* How many living launches of one image a source may have by hearsay. One is enough for the image to be in use; more need somebody who can be held
 * to what they say, or anybody who may read could fill the registry. */
enum { REG_HEARSAY_MOST = 1000 };

struct reg_launch {
        const char *image;              /* its id */
        const char *instance;           /* unique within its source: a UUID, an instance-id, a MAC address */
        const char *name;               /* what people call it; NULL: nothing */
        const char *who;                /* who launched it, or reported it */
        int64_t at;                     /* unix seconds; 0: now */
        const json_t *detail;           /* an object; NULL: none */
        bool hearsay;                   /* of somebody who may read only: it ends nothing, and is one of REG_HEARSAY_MOST */
};

/* One report. Told again, it is refreshed; told of another image than before, the instance has left that one, except by hearsay. BK_NOT_FOUND without
 * such an image, BK_CONFLICT where there is too much hearsay of it. */
int reg_launch_seen(struct reg *reg, const char *source, const struct reg_launch *launch, struct bk_error *err) BK_MUST_CHECK;
/* The instance is no more; BK_NOT_FOUND when none of that name is alive. */
int reg_launch_ended(struct reg *reg, const char *source, const char *instance, const char *who, struct bk_error *err) BK_MUST_CHECK;
/* All that a source knows, at once; what it does not name has ended. Images that are not there are passed over and counted. */
int reg_usage_replace(struct reg *reg, const char *source, const struct reg_launch *v, size_t n, const char *who, size_t *ret_unknown,
                      struct bk_error *err) BK_MUST_CHECK;
/* The source could not be asked. */
int reg_usage_failed(struct reg *reg, const char *source, const char *why, struct bk_error *err) BK_MUST_CHECK;
/* Somebody is content with what sources know: with that, later answers are compared. Those of which more or less is known by now than was
 * seen are left as they are. */
struct reg_sources;
int reg_usage_settled(struct reg *reg, const struct reg_sources *seen, struct bk_error *err) BK_MUST_CHECK;
/* A person says so, of one source and whatever it knows. BK_NOT_FOUND. */
struct reg_change;
int reg_usage_accept(struct reg *reg, const char *source, const struct reg_change *change, int64_t *ret_was, int64_t *ret,
                     struct bk_error *err) BK_MUST_CHECK;
/* {"items": launches, newest first, "sources": [...]}; of one image when id is not NULL. living: only what has not ended. */
int reg_usage_json(struct reg *reg, const char *id, bool living, json_t **ret, struct bk_error *err) BK_MUST_CHECK;

/* What libvirt's driver at uri knows of domains, running or not: [{"instance": UUID, "name", "layers": [digests that their disks lie on,
 * top first, a list for each disk], "detail": {"state", "host"}}]. Files of this host are followed where the driver does not tell what they
 * lie on. In a process of its own, for at most timeout_ms. The caller has no threads. */
int reg_usage_libvirt(const char *uri, int timeout_ms, json_t **ret, struct bk_error *err) BK_MUST_CHECK;
/* Takes the report of a source as a whole: {"items": [{"instance", "name", "image" or "layers", "detail"}]}, or {"error": why it could not be
 * asked}. An item whose layers are those of no image is none of ours and is passed over, one whose image is not
 * here is counted. *ret: {"source", "references", "instances", "unknown"}. */
int reg_usage_report(struct reg *reg, const char *source, const json_t *report, const char *who, json_t **ret, struct bk_error *err) BK_MUST_CHECK;
