#include "tests/db/faulty_vfs.h"

#include <new>

#include "tests/db/support.h"

namespace nntune::db::test {
namespace {

/// What SQLite allocates for an open file: ours, and the real one behind it.
struct File {
  sqlite3_file base;
  FaultyVfs* vfs;
  const char* path;  ///< SQLite keeps it as long as the file is open
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};
static_assert(sizeof(File) % 8 == 0, "the real file behind it must be aligned");

File& file(sqlite3_file* handle) { return *reinterpret_cast<File*>(handle); }
sqlite3_file* real(sqlite3_file* handle) { return file(handle).real(); }

/// Passes a call on to the real file.
template <auto Method, class... Args>
int forward(sqlite3_file* handle, Args... args) {
  return (real(handle)->pMethods->*Method)(real(handle), args...);
}

int write(sqlite3_file* handle, const void* data, int size, sqlite3_int64 offset) {
  const int fault = file(handle).vfs->next_operation();
  // A failing write may have written something.
  if (fault != SQLITE_OK) size /= 2;
  const int status = size > 0 ? real(handle)->pMethods->xWrite(real(handle), data, size, offset) : SQLITE_OK;
  return fault != SQLITE_OK ? fault : status;
}

int truncate(sqlite3_file* handle, sqlite3_int64 size) {
  const int fault = file(handle).vfs->next_operation();
  return fault != SQLITE_OK ? SQLITE_IOERR_TRUNCATE : real(handle)->pMethods->xTruncate(real(handle), size);
}

int sync(sqlite3_file* handle, int) {
  const int fault = file(handle).vfs->next_operation();
  if (fault != SQLITE_OK) return SQLITE_IOERR_FSYNC;
  if (file(handle).path != nullptr) file(handle).vfs->synced(file(handle).path);
  return SQLITE_OK;
}

using Methods = sqlite3_io_methods;
constexpr Methods kMethods = {
    3,
    forward<&Methods::xClose>,
    forward<&Methods::xRead, void*, int, sqlite3_int64>,
    write,
    truncate,
    sync,
    forward<&Methods::xFileSize, sqlite3_int64*>,
    forward<&Methods::xLock, int>,
    forward<&Methods::xUnlock, int>,
    forward<&Methods::xCheckReservedLock, int*>,
    forward<&Methods::xFileControl, int, void*>,
    forward<&Methods::xSectorSize>,
    forward<&Methods::xDeviceCharacteristics>,
    forward<&Methods::xShmMap, int, int, int, void volatile**>,
    forward<&Methods::xShmLock, int, int, int>,
    [](sqlite3_file* handle) { real(handle)->pMethods->xShmBarrier(real(handle)); },
    forward<&Methods::xShmUnmap, int>,
    forward<&Methods::xFetch, sqlite3_int64, int, void**>,
    forward<&Methods::xUnfetch, sqlite3_int64, void*>,
};

sqlite3_vfs* real_vfs() {
  static sqlite3_vfs* const vfs = sqlite3_vfs_find("unix");
  return vfs;
}

int open_file(sqlite3_vfs* vfs, const char* path, sqlite3_file* handle, int flags, int* flags_out) {
  File& opened = *new (handle) File{{nullptr}, static_cast<FaultyVfs*>(vfs->pAppData), path};
  const int status = real_vfs()->xOpen(real_vfs(), path, opened.real(), flags, flags_out);
  // No methods: SQLite does not close what was not opened.
  opened.base.pMethods = opened.real()->pMethods == nullptr ? nullptr : &kMethods;
  return status;
}

int delete_file(sqlite3_vfs* vfs, const char* path, int sync_folder) {
  const int status = real_vfs()->xDelete(real_vfs(), path, sync_folder);
  if (status == SQLITE_OK) static_cast<FaultyVfs*>(vfs->pAppData)->deleted(path);
  return status;
}

}  // namespace

FaultyVfs::FaultyVfs() : vfs_(*real_vfs()) {
  vfs_.szOsFile = static_cast<int>(sizeof(File)) + real_vfs()->szOsFile;
  vfs_.zName = "faulty";
  vfs_.pNext = nullptr;
  vfs_.pAppData = this;
  vfs_.xOpen = open_file;
  vfs_.xDelete = delete_file;
  // The others read no app data but that of the real one, so they get it.
  vfs_.xFullPathname = [](sqlite3_vfs*, const char* path, int size, char* out) {
    return real_vfs()->xFullPathname(real_vfs(), path, size, out);
  };
  vfs_.xAccess = [](sqlite3_vfs*, const char* path, int flags, int* out) {
    return real_vfs()->xAccess(real_vfs(), path, flags, out);
  };
  sqlite3_vfs_register(&vfs_, 1);
}

FaultyVfs::~FaultyVfs() {
  sqlite3_vfs_unregister(&vfs_);
  sqlite3_vfs_register(real_vfs(), 1);
}

int FaultyVfs::next_operation() {
  if (before) before();
  ++operations;
  const bool fails = fail_at > 0 && (operations == fail_at || (fail_on && operations > fail_at));
  return fails ? code : SQLITE_OK;
}

void FaultyVfs::synced(const std::string& path) { durable_[path] = content(path); }

}  // namespace nntune::db::test
