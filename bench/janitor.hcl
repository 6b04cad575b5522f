# Twenty rules of all kinds, for bench/janitor.sh: a plan asks each of them of every image.
janitor {
  most_images  = 1000
  most_percent = 100
}
protect "held" {
  when { hold = true }
}
protect "keepers" {
  when { tagged = "keep" }
}
protect "in-use" {
  when { any { in_use = true head = true } }
}
protect "heads" {
  when { not { not_headed_for = "30d" } }
}
keep "newest-tested" {
  newest = 3
  by     = ["name", "release", "architecture", "environment"]
  when { state = ["tested", "promoted"] }
}
keep "newest" {
  newest = 2
}
retire "team-01" {
  scope  = "team=team-01"
  action = "trash"
  grace  = "3bd"
  when {
    not_launched_for   = "4000d"
    not_referenced_for = "45d"
    living_descendants = false
  }
}
retire "team-02" {
  scope  = "team=team-02"
  action = "trash"
  grace  = "3bd"
  when {
    not_launched_for   = "4001d"
    not_referenced_for = "45d"
    living_descendants = false
  }
}
retire "team-03" {
  scope  = "team=team-03"
  action = "trash"
  grace  = "3bd"
  when {
    not_launched_for   = "4002d"
    not_referenced_for = "45d"
    living_descendants = false
  }
}
retire "team-04" {
  scope  = "team=team-04"
  action = "trash"
  grace  = "3bd"
  when {
    not_launched_for   = "4003d"
    not_referenced_for = "45d"
    living_descendants = false
  }
}
retire "team-05" {
  scope  = "team=team-05"
  action = "trash"
  grace  = "3bd"
  when {
    not_launched_for   = "4004d"
    not_referenced_for = "45d"
    living_descendants = false
  }
}
retire "team-06" {
  scope  = "team=team-06"
  action = "trash"
  grace  = "3bd"
  when {
    not_launched_for   = "4005d"
    not_referenced_for = "45d"
    living_descendants = false
  }
}
retire "failed" {
  action = "trash"
  when {
    state = "baked"
    untested = true
    age = "9000d"
  }
}
retire "superseded" {
  action = "deprecate"
  when {
    superseded_for = "9000d"
    newest_tested = false
  }
}
retire "kernels" {
  scope  = "kernel<2"
  action = "hide"
  when { age = "30d" }
}
retire "large" {
  action = "trash"
  when {
    size = ">1T"
    not { newest = 5 by = ["name"] }
  }
}
retire "orphans" {
  action = "trash"
  when {
    ancestor_revoked = true
    living_descendants = false
  }
}
retire "revoked" {
  action = "purge"
  restore = "3d"
  when {
    revoked = true
    in_state_for = "9000d"
  }
}
retire "old" {
  action = "trash"
  least  = 5
  by     = ["name", "release"]
  when {
    age = "9000d"
    not_used_as_ancestor_for = "9000d"
  }
}
retire "expired" {
  action = "trash"
  when { ttl = "expired" }
}
