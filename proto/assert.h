/* Assertions that stay on in release: for bugs of ours, never for peer, disk or user input. */
#ifndef TRIS_PROTO_ASSERT_H
#define TRIS_PROTO_ASSERT_H

/* Prints the place and aborts. */
_Noreturn void tris_assert_failed(const char *condition, const char *file, int line);

#define tris_assert(condition)                                                                     \
    ((condition) ? (void)0 : tris_assert_failed(#condition, __FILE__, __LINE__))

#endif
