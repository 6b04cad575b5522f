#include "tests/unit/lib/lazy/lazy.h"

int lazy_absent(void)
{
        return 1;
}
