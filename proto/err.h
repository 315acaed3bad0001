/* The one enum of errors, the class of each (which decides the caller's reaction), its sentence. */
#ifndef TRIS_PROTO_ERR_H
#define TRIS_PROTO_ERR_H

/* What the caller does: bug = assert; peer = close that session with the reason; resource = back
 * off and try later; corrupt = stop using the store; user = tell the person; state = not now. */
enum tris_err_class {
    TRIS_CLASS_NONE,
    TRIS_CLASS_PEER,
    TRIS_CLASS_RESOURCE,
    TRIS_CLASS_CORRUPT,
    TRIS_CLASS_USER,
    TRIS_CLASS_STATE,
};

/* clang-format off */
#define TRIS_ERR_TABLE(X)                                                                          \
    X(OK,                "ok",           NONE,    "no error")                                      \
    /* bytes that do not decode: whose fault it is depends on where they came from */              \
    X(ERR_TRUNCATED,     "truncated",    PEER,    "the bytes end too early")                       \
    X(ERR_TRAILING,      "trailing",     PEER,    "there are bytes after the end")                 \
    X(ERR_NOT_CANONICAL, "not_canonical",PEER,    "the encoding is not the canonical one")         \
    X(ERR_BAD_TYPE,      "bad_type",     PEER,    "a value has the wrong type")                    \
    X(ERR_BAD_UTF8,      "bad_utf8",     PEER,    "a text is not valid UTF-8")                     \
    X(ERR_TOO_DEEP,      "too_deep",     PEER,    "values are nested too deep")                    \
    X(ERR_TOO_LARGE,     "too_large",    PEER,    "a length or count is over its limit")           \
    X(ERR_BAD_VALUE,     "bad_value",    PEER,    "a value is outside its range")                  \
    X(ERR_BAD_VERSION,   "bad_version",  PEER,    "the version is not supported")                  \
    X(ERR_BAD_SIGNATURE, "bad_signature",PEER,    "a signature does not verify")                   \
    X(ERR_BAD_COMMIT,    "bad_commit",   PEER,    "a payload does not match its commitment")       \
    X(ERR_BAD_ROOT,      "bad_root",     PEER,    "the entries do not hash to the sealed root")    \
    X(ERR_SEAL_SPACING,  "seal_spacing", PEER,    "too many entries between two seals")            \
    X(ERR_NOT_NEXT,      "not_next",     PEER,    "the entries do not continue the log")           \
    X(ERR_BAD_FRAME,     "bad_frame",    PEER,    "a frame is malformed")                          \
    X(ERR_DECRYPT,       "decrypt",      PEER,    "a frame does not decrypt")                      \
    X(ERR_GATE,          "gate",         PEER,    "the first message does not know our transport key") \
    X(ERR_HANDSHAKE,     "handshake",    PEER,    "the handshake failed: other federation, version or key") \
    X(ERR_STRANGER,      "stranger",     PEER,    "the peer is not a member of the federation")    \
    X(ERR_WRONG_KEY,     "wrong_key",    PEER,    "the peer's transport key is not the one its house published") \
    X(ERR_SELF,          "self",         PEER,    "the peer is this house itself")                 \
    X(ERR_CREDIT,        "credit",       PEER,    "the peer sent more than it was granted")        \
    X(ERR_UNEXPECTED,    "unexpected",   PEER,    "a message came that was not asked for")         \
    X(ERR_FLOOD,         "flood",        PEER,    "the peer sends too many small messages")        \
    X(ERR_TIMEOUT,       "timeout",      PEER,    "the peer did not answer in time")               \
    X(ERR_DUPLICATE,     "duplicate",    PEER,    "another session with this house is kept")       \
    X(ERR_BUSY,          "busy",         PEER,    "the peer has no room for another session")      \
    X(ERR_PAUSED,        "paused",       PEER,    "the exchange with this house is paused")        \
    X(ERR_HOURS,         "hours",        PEER,    "it is outside the hours set for this house")    \
    X(ERR_GOODBYE,       "goodbye",      PEER,    "the peer closed the session")                   \
    X(ERR_CLOSED,        "closed",       PEER,    "the connection was closed")                     \
    X(ERR_FORK,          "fork",         PEER,    "the log has two different continuations")       \
    X(ERR_BAD_PROOF,     "bad_proof",    PEER,    "a fork proof does not prove a fork")            \
    X(ERR_BAD_NODES,     "bad_nodes",    PEER,    "tree nodes do not hash to the node above them") \
    X(ERR_NO_PROOF,      "no_proof",     PEER,    "no proof that a log is consistent with its seal") \
    X(ERR_UNKNOWN_LOG,   "unknown_log",  PEER,    "the log belongs to no known member")            \
    /* this machine */                                                                             \
    X(ERR_NO_SPACE,      "no_space",     RESOURCE,"the buffer is full")                            \
    X(ERR_NO_MEMORY,     "no_memory",    RESOURCE,"not enough memory")                             \
    X(ERR_DISK_FULL,     "disk_full",    RESOURCE,"the disk is full")                              \
    X(ERR_MAP_FULL,      "map_full",     RESOURCE,"the store has reached its configured size")     \
    X(ERR_IO,            "io",           RESOURCE,"reading or writing failed")                     \
    X(ERR_READ_ONLY,     "read_only",    RESOURCE,"the file system is read-only")                  \
    X(ERR_BAD_FS,        "bad_fs",       USER,    "the data directory is on a network file system") \
    X(ERR_UNKNOWN_STATE, "unknown_state",CORRUPT, "a commit failed with unknown outcome")          \
    X(ERR_CORRUPT,       "corrupt",      CORRUPT, "the store is damaged")                          \
    X(ERR_BAD_MARK,      "bad_mark",     CORRUPT, "the mark file is damaged")                      \
    X(ERR_MARK_AHEAD,    "mark_ahead",   CORRUPT, "the mark file is ahead of the store: an old copy?") \
    X(ERR_MARK_MISSING,  "mark_missing", CORRUPT, "the mark file is missing")                      \
    X(ERR_MARK_FOREIGN,  "mark_foreign", CORRUPT, "the mark file belongs to another copy of the store") \
    X(ERR_SCHEMA,        "schema",       CORRUPT, "the store has a format that this version does not know") \
    /* people */                                                                                   \
    X(ERR_NOT_FOUND,     "not_found",    USER,    "there is no such thing")                        \
    X(ERR_AMBIGUOUS,     "ambiguous",    USER,    "more than one thing matches")                   \
    X(ERR_EXISTS,        "exists",       USER,    "it exists already")                             \
    X(ERR_INVALID,       "invalid",      USER,    "a value is not allowed")                        \
    X(ERR_REQUIRED,      "required",     USER,    "a required value is missing")                   \
    X(ERR_PERSONAL,      "personal",     USER,    "personal data may not leave the house")         \
    X(ERR_NOT_OWNER,     "not_owner",    USER,    "only the house that created a record changes it") \
    X(ERR_ROLE,          "role",         USER,    "only a house with the role coordination writes this") \
    X(ERR_PERMISSION,    "permission",   USER,    "a file's permissions are too open or too strict") \
    X(ERR_BAD_KEY,       "bad_key",      USER,    "a key file is damaged or does not fit")         \
    X(ERR_IN_USE,        "in_use",       USER,    "another process uses the data directory")       \
    X(ERR_NOT_INIT,      "not_init",     USER,    "the data directory is not initialised")         \
    X(ERR_ENDED,         "ended",        STATE,   "the record has ended")                          \
    X(ERR_NOT_READY,     "not_ready",    STATE,   "not possible in this state")                    \
    X(ERR_INCOMPLETE,    "incomplete",   STATE,   "own entries are missing and being fetched")    \
    X(ERR_CONFLICT,      "conflict",     STATE,   "another record stands in the way")              \
    X(ERR_OBSERVER,      "observer",     STATE,   "an observer has no log of its own")             \
    X(ERR_EXPIRED,       "expired",      STATE,   "the invitation has expired")                    \
    X(ERR_STOPPING,        "stopping",        STATE,    "the daemon is stopping")
/* clang-format on */

#define TRIS_ERR_ENUM(name, word, class_, text) TRIS_##name,
enum tris_err { TRIS_ERR_TABLE(TRIS_ERR_ENUM) TRIS_ERR_COUNT };
#undef TRIS_ERR_ENUM

#define TRIS_MUST_CHECK __attribute__((warn_unused_result))

/* The machine name ("bad_root"), the class, and one English sentence without a full stop. */
const char *tris_err_name(enum tris_err err);
enum tris_err_class tris_err_class(enum tris_err err);
const char *tris_err_text(enum tris_err err);

#endif
