/* bakery: turns a build host into an image bakery. */
#include "bakery/cmd/cmd.h"

int main(int argc, char **argv)
{
        return cmd_main(argc, argv);
}
