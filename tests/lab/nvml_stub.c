/* A stand-in for libnvidia-ml.so.1, steered by environment variables; loaded by the real pynvml.
 *
 *   FAKE_DRIVER, FAKE_CUDA (12040), FAKE_COUNT, FAKE_NAMES and FAKE_CC ("A|B", one part for each card),
 *   FAKE_MEM_MIB, FAKE_USED_MIB, FAKE_PID (a process that holds memory) and FAKE_PROCESS (its name),
 *   FAKE_NVML_RC_<call>=18 makes a call fail, FAKE_NVML_SLEEP_<call>=1500 makes it wait (ms),
 *   FAKE_NVML_CRASH_<call>=1 makes it crash; <call> without its version, e.g. nvmlInit, nvmlDeviceGetCount.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef int result;
typedef struct device *device_handle;

static int number(const char *name, int otherwise) {
    const char *value = getenv(name);
    return value ? atoi(value) : otherwise;
}

static const char *words(const char *name, const char *otherwise) {
    const char *value = getenv(name);
    return value ? value : otherwise;
}

static int told(const char *what, const char *call) {
    char name[128];
    snprintf(name, sizeof name, "FAKE_NVML_%s_%s", what, call);
    return number(name, 0);
}

static result enter(const char *call) {
    int ms = told("SLEEP", call);
    if (ms) {
        struct timespec wait = {ms / 1000, (ms % 1000) * 1000000L};
        nanosleep(&wait, NULL);
    }
    if (told("CRASH", call))
        raise(SIGSEGV);
    return told("RC", call);
}

#define ENTER(call)                  \
    do {                             \
        result failed = enter(call); \
        if (failed)                  \
            return failed;           \
    } while (0)

/* Copies the index-th part of "A|B|C"; the last part serves all further cards. */
static void part(const char *list, int index, char *out, unsigned size) {
    unsigned length = 0;
    while (index-- > 0) {
        const char *bar = strchr(list, '|');
        if (!bar)
            break;
        list = bar + 1;
    }
    while (list[length] && list[length] != '|' && length < size - 1) {
        out[length] = list[length];
        length++;
    }
    out[length] = 0;
}

static int index_of(device_handle device) { return (int)(long)device - 1; }

result nvmlInitWithFlags(unsigned flags) {
    (void)flags;
    ENTER("nvmlInit");
    return 0;
}
result nvmlInit_v2(void) { return nvmlInitWithFlags(0); }
result nvmlShutdown(void) { return 0; }

result nvmlSystemGetDriverVersion(char *out, unsigned size) {
    ENTER("nvmlSystemGetDriverVersion");
    snprintf(out, size, "%s", words("FAKE_DRIVER", "550.54.15"));
    return 0;
}
result nvmlSystemGetNVMLVersion(char *out, unsigned size) {
    snprintf(out, size, "12.%s", words("FAKE_LIBRARY", words("FAKE_DRIVER", "550.54.15")));
    return 0;
}
result nvmlSystemGetCudaDriverVersion_v2(int *version) {
    ENTER("nvmlSystemGetCudaDriverVersion");
    *version = number("FAKE_CUDA", 12040);
    return 0;
}
result nvmlDeviceGetCount_v2(unsigned *count) {
    ENTER("nvmlDeviceGetCount");
    *count = number("FAKE_COUNT", 1);
    return 0;
}
result nvmlDeviceGetHandleByIndex_v2(unsigned index, device_handle *device) {
    char call[64];
    snprintf(call, sizeof call, "nvmlDeviceGetHandleByIndex_%u", index);
    ENTER(call);
    if ((int)index >= number("FAKE_COUNT", 1))
        return 2;
    *device = (device_handle)(long)(index + 1);
    return 0;
}
result nvmlDeviceGetName(device_handle device, char *out, unsigned size) {
    ENTER("nvmlDeviceGetName");
    part(words("FAKE_NAMES", "NVIDIA GeForce RTX 4090"), index_of(device), out, size);
    return 0;
}
result nvmlDeviceGetCudaComputeCapability(device_handle device, int *major, int *minor) {
    char text[16];
    ENTER("nvmlDeviceGetCudaComputeCapability");
    part(words("FAKE_CC", "8.9"), index_of(device), text, sizeof text);
    sscanf(text, "%d.%d", major, minor);
    return 0;
}

typedef struct {
    unsigned long long total, free, used;
} memory;
result nvmlDeviceGetMemoryInfo(device_handle device, memory *out) {
    (void)device;
    ENTER("nvmlDeviceGetMemoryInfo");
    out->total = (unsigned long long)number("FAKE_MEM_MIB", 24564) << 20;
    out->used = (unsigned long long)number("FAKE_USED_MIB", 512) << 20;
    out->free = out->total - out->used;
    return 0;
}

typedef struct {
    unsigned pid;
    unsigned long long used;
    unsigned gpu_instance, compute_instance;
} process;
result nvmlDeviceGetComputeRunningProcesses_v3(device_handle device, unsigned *count, process *out) {
    unsigned room = *count;
    (void)device;
    *count = number("FAKE_PID", 0) ? 1 : 0;
    if (*count > room)
        return 7; /* insufficient size: asked again with enough room */
    if (*count) {
        memset(out, 0, sizeof *out);
        out->pid = number("FAKE_PID", 0);
        out->used = 1 << 20;
    }
    return 0;
}
result nvmlSystemGetProcessName(unsigned pid, char *out, unsigned size) {
    (void)pid;
    snprintf(out, size, "%s", words("FAKE_PROCESS", "/usr/bin/python3 train.py"));
    return 0;
}
const char *nvmlErrorString(result code) {
    return code == 18 ? "Driver/library version mismatch" : code == 0 ? "Success" : "error";
}
