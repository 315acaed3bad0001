/* What the restore guard waits for, in words; see confirm.h. */
#include "daemon/daemon.h"

static const struct {
    const char *name, *text, *next;
} words[] = {
    [GUARD_READY] = {"ready", "", ""},
    [GUARD_WHY_CLONE] = {"clone",
                         "another process works with this house's key: nothing is sealed here",
                         "end the other one for ever, then here: tris doctor --end-alarm"},
    [GUARD_WHY_FORK] = {"fork",
                        "this house has signed two different things at one position, perhaps from "
                        "an old copy of this directory: nothing is sealed here",
                        "find the other copy and end it, then here: tris doctor --end-alarm"},
    [GUARD_WHY_TAIL] = {"tail",
                        "this store is an old copy: other houses hold more of this house's log, "
                        "and it is being fetched; nothing is sealed until it is here",
                        "tris sync status"},
    [GUARD_WHY_CLAIMS] = {"claims",
                          "nothing is sealed until other houses have said what they hold of this "
                          "house's log",
                          "tris peer list"},
    [GUARD_WHY_SECOND] = {"second",
                          "nothing is sealed until a second house has said what it holds of this "
                          "house's log, or some time has passed",
                          "tris peer list"},
    [GUARD_WHY_ACCEPT] = {"accept",
                          "the mark does not fit the store; what other houses hold of this "
                          "house's log is here, and nothing is sealed until a person has decided",
                          "tris doctor --accept-loss"},
    [GUARD_WHY_EPOCH] = {"epoch",
                         "this house has asked for a new key; what is written is kept and sealed "
                         "with it as soon as enough houses vouch for it",
                         "tell the others: tris member endorse; to give it up: "
                         "tris key rotate --cancel"},
};

const char *confirm_name(enum guard_why why)
{
    return words[why].name;
}

const char *confirm_text(const struct daemon *d)
{
    return words[guard_why(&d->confirm.guard)].text;
}

const char *confirm_next(const struct daemon *d)
{
    return words[guard_why(&d->confirm.guard)].next;
}
