#include "tests/unit/lib/lazy/lazy.h"

int lazy_old(void)
{
        return 1;
}

#ifndef OLDER
int lazy_new(void)
{
        return 2;
}
#endif
