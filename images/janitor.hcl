# Rules for `bakery janitor`, ready to use: take what fits, change the times, leave out what does not apply.
#
#     bakery janitor lint -rules janitor.hcl      # what is odd about them
#     bakery janitor plan -rules janitor.hcl      # what would go, and why; changes nothing
#     bakery janitor run -rules janitor.hcl -yes
#
# An image that any `protect` rule finds stays. Of the rest, so many stay as the `keep` rules say. What is left, and what a
# `retire` rule finds, goes. What cannot be known keeps, always. docs/janitor.md has the language.

janitor {
  # No run does more than this, whatever the rules find.
  most_images  = 100
  most_percent = 10

  # A run does nothing while one of these cannot be asked, is older than that, or knows of much less than it did. Name all that
  # launch images here (`bakery usage` lists those that have told).
  usage_sources = ["libvirt:*"]
  usage_fresh   = "1h"
  usage_shrink  = 50

  # What is in the trash can be taken out of it for so long: bakery janitor undelete IMAGE.
  restore = "7d"

  # An owner who is a name without a domain is written to there.
  mail_domain = "localhost"
  holidays    = ["12-24", "12-25", "12-26", "12-31", "01-01"]
}

# 1. What somebody has said stays. `bakery image tag IMAGE keep=forever`, or legal_hold=2027-06-30.
protect "kept" {
  scope = "keep=forever"
}

protect "legal-hold" {
  why = "evidence is not deleted; a date that cannot be read holds, too"
  when {
    hold = true
  }
}

# 2. What runs, or would run at the next boot, stays. No rule could override that anyway; here it is what `explain` says first.
protect "in-use" {
  why = "something runs from it, or a channel hands it out"
  when {
    any {
      in_use = true
      head   = true
    }
  }
}

# 3. The newest three that passed their tests, of each application for each release, architecture and environment.
keep "newest-tested" {
  newest = 3
  by     = ["name", "release", "architecture", "environment"]
  when {
    state = ["tested", "promoted"]
  }
}

# 4. What headed a channel within the last 30 days is what a rollback goes to.
keep "rollback" {
  why = "channel rollback"
  when {
    headed_within = "30d"
  }
}

# 5. Applications that nobody has launched or referred to for 45 days. The owner hears of it, and has three business days to object.
retire "stale-applications" {
  scope  = "type=application"
  action = "trash"
  grace  = "3bd"
  notify = ["mail:owner"]
  when {
    not_launched_for   = "45d"
    not_referenced_for = "45d"
  }
}

# 6. Bases on which nothing stands any more, 90 days after a newer one of their kind was tested.
retire "stale-bases" {
  scope  = "type=base"
  action = "trash"
  when {
    living_descendants = false
    superseded_for     = "90d"
    not {
      newest_tested = true
    }
  }
}

# 7. Bakes that failed their tests, or never had any, after a week. Nobody is told, and no run takes more than 50 of them.
retire "failed-bakes" {
  action = "trash"
  most   = 50
  when {
    age = "7d"
    any {
      failed   = true
      untested = true
    }
  }
}

# 8. A critical hole that is known for two weeks and has a fix, once a tested successor is without it. Nothing is deleted: the image is
#    only no longer found by who does not ask for it.
retire "vulnerable" {
  action = "deprecate"
  when {
    state = ["baked", "tested", "promoted"]
    vulnerable {
      severity        = "critical"
      age             = "14d"
      fixable         = true
      fixed_successor = true
    }
  }
}
