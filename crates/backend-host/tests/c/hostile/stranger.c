/* stranger.c - a shared library that is no backend. */
__attribute__((visibility("default"))) int stranger_answer(void);
int stranger_answer(void) { return 42; }
