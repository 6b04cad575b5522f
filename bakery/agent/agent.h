/* What the agent in a guest and bakery on its host say to each other over a serial port.
 *
 * A message is one line of text, and the bytes whose lengths it gives. A port may carry noise, so each
 * line begins with its word and a token, which is new for every boot. The guest is hostile: only the host's limits count.
 *
 *     host:  bakery-run TOKEN ID LIMIT_MS LINE_LEN INPUT_LEN      line, input
 *     guest: bakery-hello TOKEN INSTANCE                          again and again until it is asked something
 *     guest: bakery-done TOKEN ID HOW STATUS OUT_LEN ERR_LEN      stdout, stderr
 *
 * There is one request at a time. A hello of another instance says that the one asked before is gone. */
#pragma once

#define AGENT_PORT "org.bakery.checks"
#define AGENT_RUN "bakery-run"
#define AGENT_HELLO "bakery-hello"
#define AGENT_DONE "bakery-done"

enum {
        AGENT_OUTPUT_MOST = 16 << 20,   /* of stdout, and of stderr */
        AGENT_LINE_MOST = 1 << 20,
        AGENT_INPUT_MOST = 64 << 20,
        AGENT_HEADER_MOST = 256,        /* of a message's first line */
};

enum agent_how { AGENT_ENDED, AGENT_LATE, AGENT_TOO_MUCH, AGENT_NOT_STARTED };
