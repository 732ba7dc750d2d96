/* Stands in for dxgi.dll under wine, which has no adapters without a screen. What it
   lists is in OFFGRID_TEST_ADAPTERS, a line each: vendor device bytes flags name, the
   numbers in hexadecimal. "broken" for a name: it cannot be described. Not set: there
   is no factory. The tables of methods are those of the compiler's own headers. */
#define COBJMACROS
#define INITGUID
#include <windows.h>
#include <dxgi.h>
#include <stdlib.h>
#include <string.h>

typedef struct { IDXGIAdapter1 base; LONG held; LONG index; char line[512]; } Adapter;

static LONG objects;
static char text[16384];

static ULONG STDMETHODCALLTYPE adapter_release(IDXGIAdapter1 *self) {
    Adapter *adapter = (Adapter *)self;
    if (--adapter->held == 0) { objects--; free(adapter); return 0; }
    return adapter->held;
}

static HRESULT STDMETHODCALLTYPE get_desc1(IDXGIAdapter1 *self, DXGI_ADAPTER_DESC1 *out) {
    Adapter *adapter = (Adapter *)self;
    char *at = adapter->line;
    memset(out, 0, sizeof *out);
    out->VendorId = strtoul(at, &at, 16);
    out->DeviceId = strtoul(at, &at, 16);
    out->DedicatedVideoMemory = _strtoui64(at, &at, 16);
    out->Flags = strtoul(at, &at, 16);
    out->SubSysId = 0x11111111; out->Revision = 0x22222222;
    out->DedicatedSystemMemory = 0x3333; out->SharedSystemMemory = 0x444444;
    out->AdapterLuid.HighPart = 7;
    /* One that is named "again" is the one before it once more. */
    out->AdapterLuid.LowPart = adapter->index - (strcmp(at, " again") == 0);
    if (strcmp(at, " broken") == 0) return E_FAIL;
    MultiByteToWideChar(CP_UTF8, 0, at + 1, -1, out->Description, 128);
    return S_OK;
}

static IDXGIAdapter1Vtbl adapter_methods = { .Release = adapter_release, .GetDesc1 = get_desc1 };

static ULONG STDMETHODCALLTYPE factory_release(IDXGIFactory1 *self) {
    (void)self;
    /* Whoever asked has given everything back, and this last. */
    if (--objects != 0) ExitProcess(99);
    return 0;
}

static HRESULT STDMETHODCALLTYPE enum_adapters1(IDXGIFactory1 *self, UINT index, IDXGIAdapter1 **out) {
    char *line = text;
    Adapter *adapter;
    UINT n;
    (void)self;
    for (n = 0; n < index && line; n++) { line = strchr(line, '\n'); if (line) line++; }
    if (!line || !*line) return DXGI_ERROR_NOT_FOUND;
    adapter = calloc(1, sizeof *adapter);
    adapter->base.lpVtbl = &adapter_methods;
    adapter->held = 1;
    adapter->index = index;
    strncpy(adapter->line, line, sizeof adapter->line - 1);
    if (strchr(adapter->line, '\n')) *strchr(adapter->line, '\n') = 0;
    objects++;
    *out = &adapter->base;
    return S_OK;
}

static IDXGIFactory1Vtbl factory_methods = { .Release = factory_release, .EnumAdapters1 = enum_adapters1 };
static IDXGIFactory1 the_factory = { &factory_methods };

__declspec(dllexport) HRESULT WINAPI create(REFIID iid, void **out) asm("CreateDXGIFactory1");
HRESULT WINAPI create(REFIID iid, void **out) {
    if (!IsEqualGUID(iid, &IID_IDXGIFactory1)) return E_NOINTERFACE;
    SetLastError(0);
    if (!GetEnvironmentVariableA("OFFGRID_TEST_ADAPTERS", text, sizeof text) && GetLastError())
        return DXGI_ERROR_UNSUPPORTED;
    objects++;
    *out = &the_factory;
    return S_OK;
}
