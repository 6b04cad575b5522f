/* Tar files. The format: POSIX.1-2017, pax, "ustar Interchange Format"; GNU tar's manual, "Basic Tar Format", for large sizes. */
#include "lib/tar.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/fs.h"

#define BLOCK 512
#define OCTAL_MOST ((uint64_t)1 << 33)  /* eleven octal digits */

struct header {
        char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100], magic[6], version[2], user[32],
                group[32], major[8], minor[8], prefix[155], rest[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a header is one block");

/* The checksum field counts as blanks. */
static unsigned checksum(const struct header *header)
{
        const unsigned char *p = (const unsigned char *)header;
        unsigned sum = 8 * ' ';

        for (size_t i = 0; i < BLOCK; i++)
                if (i < offsetof(struct header, checksum) || i >= offsetof(struct header, type))
                        sum += p[i];
        return sum;
}

static void put_number(char *field, size_t length, uint64_t number)
{
        if (number < OCTAL_MOST) {
                (void)snprintf(field, length, "%0*llo", (int)length - 1, (unsigned long long)number);
                return;
        }
        memset(field, 0, length);
        field[0] = (char)0x80;
        for (size_t i = 0; i < 8; i++)
                field[length - 1 - i] = (char)(number >> (8 * i));
}

static int get_number(const char *field, size_t length, uint64_t *ret)
{
        uint64_t number = 0;
        size_t i = 0;

        if ((unsigned char)field[0] == 0x80) {
                for (i = 1; i < length; i++) {
                        if (number >> 55 != 0)
                                return -1;
                        number = number << 8 | (unsigned char)field[i];
                }
        } else {
                for (; i < length && field[i] >= '0' && field[i] <= '7'; i++)
                        number = number << 3 | (uint64_t)(field[i] - '0');
                if (i == 0)
                        return -1;
                for (; i < length; i++)
                        if (field[i] != '\0' && field[i] != ' ')
                                return -1;
        }
        *ret = number;
        return 0;
}

int bk_tar_put_header(int fd, const char *name, uint64_t size, int64_t mtime, struct bk_error *err)
{
        struct header header = { .mode = "0000600", .uid = "0000000", .gid = "0000000", .type = '0', .magic = "ustar",
                                 .version = { '0', '0' }, .user = "root", .group = "root" };

        if (strlen(name) >= sizeof header.name)
                return bk_fail(err, BK_INVALID, "'%.200s' is too long a name for a tar file", name);
        (void)snprintf(header.name, sizeof header.name, "%s", name);
        put_number(header.size, sizeof header.size, size);
        put_number(header.mtime, sizeof header.mtime, mtime < 0 ? 0 : (uint64_t)mtime);
        (void)snprintf(header.checksum, sizeof header.checksum, "%06o", checksum(&header));
        header.checksum[7] = ' ';
        return bk_write_all(fd, &header, sizeof header, err);
}

int bk_tar_put_end(int fd, uint64_t size, struct bk_error *err)
{
        static const char zeroes[BLOCK];
        const size_t over = (size_t)(size % BLOCK);

        return over == 0 ? 0 : bk_write_all(fd, zeroes, BLOCK - over, err);
}

int bk_tar_finish(int fd, struct bk_error *err)
{
        static const char zeroes[2 * BLOCK];

        return bk_write_all(fd, zeroes, sizeof zeroes, err);
}

static int cut_off(struct bk_error *err)
{
        return bk_fail(err, BK_CORRUPT, "it is cut off");
}

static int read_block(const struct bk_tar *tar, void *block, uint64_t at, struct bk_error *err)
{
        const ssize_t got = pread(tar->fd, block, BLOCK, (off_t)at);

        if (got < 0)
                return bk_fail_errno(err, "cannot read it");
        return got == BLOCK ? 0 : cut_off(err);
}

/* What fills the last block of a member is zeroes. */
static int check_filling(const struct bk_tar *tar, struct bk_error *err)
{
        static const char zeroes[BLOCK];
        const size_t over = (size_t)(tar->size % BLOCK);
        char block[BLOCK];

        if (tar->next == 0 || over == 0)
                return 0;
        if (read_block(tar, block, tar->next - BLOCK, err) < 0)
                return -1;
        return memcmp(block + over, zeroes, BLOCK - over) == 0 ? 0 :
               bk_fail(err, BK_CORRUPT, "it was changed behind '%s'", tar->name);
}

int bk_tar_next(struct bk_tar *tar, struct bk_error *err)
{
        static const struct header none;
        struct header header, last;
        uint64_t sum = 0, size = 0;

        if (check_filling(tar, err) < 0)
                return -1;
        if (read_block(tar, &header, tar->next, err) < 0)
                return -1;
        if (memcmp(&header, &none, BLOCK) == 0) {
                if (read_block(tar, &last, tar->next + BLOCK, err) < 0)
                        return -1;
                return memcmp(&last, &none, BLOCK) == 0 ? 0 : cut_off(err);
        }
        if (get_number(header.checksum, sizeof header.checksum, &sum) < 0 || sum != checksum(&header) ||
            get_number(header.size, sizeof header.size, &size) < 0 || size > INT64_MAX / 2 || memcmp(header.magic, "ustar", 5) != 0)
                return bk_fail(err, BK_CORRUPT, "it is no tar file, or was changed (at byte %llu)", (unsigned long long)tar->next);
        if (header.type != '0' || header.name[sizeof header.name - 1] != '\0' || header.prefix[0] != '\0')
                return bk_fail(err, BK_CORRUPT, "it has a member that was not put there by bakery (at byte %llu)",
                               (unsigned long long)tar->next);
        memcpy(tar->name, header.name, sizeof tar->name);
        tar->size = tar->left = size;
        tar->next += BLOCK + (size + BLOCK - 1) / BLOCK * BLOCK;
        return 1;
}

ssize_t bk_tar_read(struct bk_tar *tar, void *bytes, size_t most, struct bk_error *err)
{
        const uint64_t at = tar->next - (tar->size + BLOCK - 1) / BLOCK * BLOCK + (tar->size - tar->left);
        const size_t wanted = tar->left < most ? (size_t)tar->left : most;
        const ssize_t got = wanted == 0 ? 0 : pread(tar->fd, bytes, wanted, (off_t)at);

        if (got < 0)
                return bk_fail_errno(err, "cannot read it");
        if (got == 0 && wanted > 0)
                return cut_off(err);
        tar->left -= (uint64_t)got;
        return got;
}
