/* A stand-in for libcuda.so.1: just enough for the real torch to say what it thinks of the driver.
 * FAKE_CUDA is the CUDA version it reports (12040), FAKE_CU_INIT the result of cuInit, FAKE_COUNT the number of cards.
 */
#include <stdio.h>
#include <stdlib.h>

static int number(const char *name, int otherwise) {
    const char *value = getenv(name);
    return value ? atoi(value) : otherwise;
}

int cuInit(unsigned flags) {
    (void)flags;
    return number("FAKE_CU_INIT", 0);
}
int cuDriverGetVersion(int *version) {
    *version = number("FAKE_CUDA", 12040);
    return 0;
}
int cuDeviceGetCount(int *count) {
    *count = number("FAKE_COUNT", 1);
    return 0;
}
int cuDeviceGet(int *device, int index) {
    *device = index;
    return index < number("FAKE_COUNT", 1) ? 0 : 101;
}
int cuDeviceGetName(char *out, int size, int device) {
    (void)device;
    snprintf(out, size, "NVIDIA GeForce RTX 4090");
    return 0;
}
int cuDeviceGetAttribute(int *value, int attribute, int device) {
    (void)device;
    *value = attribute == 75 ? 8 : attribute == 76 ? 9 : 0;
    return 0;
}
