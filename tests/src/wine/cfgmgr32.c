/* Stands in for cfgmgr32.dll under wine, which knows no displays. Those that are there
   are in OFFGRID_TEST_DEVICES, a line each: problem name. A problem of -1: nothing is
   known about it. */
#include <windows.h>
#include <cfg.h>
#include <stdlib.h>
#include <string.h>

#define CLASS L"{4d36e968-e325-11ce-bfc1-08002be10318}"
/* Of cfgmgr32.h, which cannot be included by who defines its functions. */
#define CR_SUCCESS 0
#define CR_FAILURE 0x13
#define CM_GETIDLIST_FILTER_PRESENT 0x100
#define CM_GETIDLIST_FILTER_CLASS 0x200

static WCHAR names[4096];
static int problems[64];
static ULONG length;

/* All names, each with a zero behind it, and one more behind all. */
static BOOL read(const WCHAR *class, ULONG flags) {
    char text[4096], *line;
    int count = 0;
    if (lstrcmpiW(class, CLASS) || flags != (CM_GETIDLIST_FILTER_PRESENT | CM_GETIDLIST_FILTER_CLASS))
        return FALSE;
    *text = 0;
    GetEnvironmentVariableA("OFFGRID_TEST_DEVICES", text, sizeof text);
    length = 0;
    for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        problems[count++] = strtol(line, &line, 10);
        length += MultiByteToWideChar(CP_UTF8, 0, line + 1, -1, names + length, 4096 - length);
    }
    names[length++] = 0;
    return TRUE;
}

__declspec(dllexport) DWORD WINAPI CM_Get_Device_ID_List_SizeW(ULONG *size, const WCHAR *class, ULONG flags) {
    if (!read(class, flags)) return CR_FAILURE;
    *size = length;
    return CR_SUCCESS;
}

__declspec(dllexport) DWORD WINAPI CM_Get_Device_ID_ListW(const WCHAR *class, WCHAR *to, ULONG room, ULONG flags) {
    if (!read(class, flags) || room < length) return CR_FAILURE;
    memcpy(to, names, length * sizeof *to);
    return CR_SUCCESS;
}

__declspec(dllexport) DWORD WINAPI CM_Locate_DevNodeW(DWORD *node, WCHAR *name, ULONG flags) {
    WCHAR *at = names;
    DWORD n;
    for (n = 0; *at; n++, at += lstrlenW(at) + 1)
        if (flags == 0 && !lstrcmpW(at, name)) { *node = n + 1000; return CR_SUCCESS; }
    return CR_FAILURE;
}

__declspec(dllexport) DWORD WINAPI CM_Get_DevNode_Status(ULONG *status, ULONG *problem, DWORD node, ULONG flags) {
    int found = problems[node - 1000];
    if (flags != 0 || found == -1) return CR_FAILURE;
    *status = DN_ROOT_ENUMERATED | (found ? DN_HAS_PROBLEM : DN_STARTED);
    *problem = found;
    return CR_SUCCESS;
}
