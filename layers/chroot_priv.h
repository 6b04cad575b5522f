#pragma once
int chroot_suppress_sync(void);
