// What is at the path, who else records there, and only then a file.
#include "replay/recording/first_file.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "replay/recording/format.hpp"

namespace havklo::replay {
namespace {

using Checked = std::expected<void, std::string>;

constexpr mode_t private_mode = 0600;
constexpr std::string_view own_descriptors = "/proc/self/fd/";
constexpr std::string_view other_names =
    "record to another name, or to a pattern of the time as night-%F-%H%M%S.hvk";

// Closes what nobody took.
class OpenFile {
 public:
  explicit OpenFile(int file) : file_(file) {}
  ~OpenFile() {
    if (file_ >= 0) ::close(file_);
  }
  OpenFile(OpenFile&& other) noexcept : file_(other.take()) {}
  OpenFile& operator=(OpenFile&& other) noexcept {
    std::swap(file_, other.file_);
    return *this;
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  [[nodiscard]] int get() const { return file_; }
  [[nodiscard]] bool good() const { return file_ >= 0; }
  [[nodiscard]] int take() { return std::exchange(file_, -1); }

 private:
  int file_;
};

// `3` of `night.hvk.3`; "" when that is no name of a later file.
std::string_view number_of(std::string_view path) {
  const size_t point = path.rfind('.');
  if (point == std::string_view::npos || point == 0) return {};
  const std::string_view number = path.substr(point + 1);
  const bool digits = std::ranges::all_of(number, [](char c) { return c >= '0' && c <= '9'; });
  return digits && !number.starts_with('0') ? number : std::string_view{};
}

bool lock_recording(int file) { return ::flock(file, LOCK_EX | LOCK_NB) == 0; }

// O_NONBLOCK: a FIFO must not hold us up. What cannot be opened is nobody's recording, as far as we
// can know.
bool is_being_recorded(const std::string& path) {
  const OpenFile file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.good()) return false;
  struct stat status {};
  const bool regular = ::fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode);
  return regular && ::flock(file.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

// "" when there is none.
std::string running_recording_before(const std::string& path) {
  const std::string_view number = number_of(path);
  if (number.empty()) return "";
  const std::string first = path.substr(0, path.size() - number.size() - 1);
  return is_being_recorded(first) ? first : "";
}

// The later files of `path`, whoever made them.
std::vector<std::string> later_files_of(const std::string& path) {
  std::vector<std::string> found;
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  // Not std::filesystem's iterator: libstdc++'s ends the program where memory is short.
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(
      ::opendir(folder.empty() ? "." : folder.c_str()), ::closedir);
  while (const dirent* entry = entries ? ::readdir(entries.get()) : nullptr) {
    const std::string_view name = entry->d_name;
    const std::string number(number_of(name));
    std::string later = path + "." + number;
    if (number.empty() || std::filesystem::path(later).filename() != name) continue;
    found.push_back(std::move(later));
  }
  std::ranges::sort(found);
  return found;
}

// An error when a recording that goes on now has, or may come to have, a file in common with one to
// `path`.
Checked check_other_recordings(const std::string& path, bool goes_over) {
  std::error_code error;
  const std::string target = std::filesystem::weakly_canonical(path, error).string();  // of a link
  for (const std::string& name : {path, target}) {
    const std::string first = running_recording_before(name);
    if (first.empty()) continue;
    return std::unexpected("another process is recording to '" + first +
                           "', whose later file it would be");
  }
  if (!goes_over) return {};
  for (const std::string& later : later_files_of(path)) {
    if (!is_being_recorded(later)) continue;
    return std::unexpected("another process is recording to '" + later +
                           "', which would be a later file of this recording");
  }
  return {};
}

// Whether the file begins as file `number` of some recording does.
bool is_file_of_recording(int file, std::string_view number) {
  BlockHeaderBytes bytes{};
  if (::pread(file, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    return false;
  }
  const auto header = decode_block_header(bytes);
  if (!header || header->kind != BlockKind::header) return false;
  std::string text(header->payload_bytes, '\0');
  if (::pread(file, text.data(), text.size(), BlockHeader::bytes) !=
      static_cast<ssize_t>(text.size())) {
    return false;
  }
  return text.starts_with("format ") && text.contains("\nsegment " + std::string(number) + "\n");
}

bool is_file_of_recording(const std::string& path, std::string_view number) {
  const OpenFile file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW));
  struct stat status {};
  return file.good() && ::fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode) &&
         is_file_of_recording(file.get(), number);
}

std::unexpected<std::string> refuse_held(const std::string& what, bool is_recording) {
  return std::unexpected(what + ": " + std::string(other_names) +
                         (is_recording ? "; --record-overwrite replaces it" : ""));
}

// The later files are not there, or may be taken away.
Checked check_later_files(const std::vector<std::string>& later, bool overwrite) {
  for (const std::string& each : later) {
    const bool is_recording = is_file_of_recording(each, number_of(each));
    if (overwrite && is_recording) continue;
    const std::string what = "'" + each + "' is there already, and is " +
                             (is_recording ? "a later file of a recording" : "no recording's");
    return refuse_held(what, is_recording);
  }
  return {};
}

bool is_name_of(const std::string& path, int file) {
  struct stat open {};
  struct stat named {};
  return ::fstat(file, &open) == 0 && ::lstat(path.c_str(), &named) == 0 &&
         open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

OpenFile make_file(const std::string& path) {
  return OpenFile(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, private_mode));
}

std::unexpected<std::string> refuse_by(int error) {
  return std::unexpected(std::string(std::strerror(error)));
}

// What is at the path is opened without a change of it, and locked. O_NONBLOCK: a FIFO without a
// reader must not hold us up.
std::expected<OpenFile, std::string> open_what_is_there(const std::string& path) {
  const bool own = path.starts_with(own_descriptors);
  const int flags = O_RDWR | O_CLOEXEC | O_NONBLOCK | (own ? 0 : O_NOFOLLOW);
  OpenFile file(::open(path.c_str(), flags));
  if (!file.good() && errno == ELOOP) {
    return std::unexpected("it is a symbolic link, which is not followed");
  }
  if (!file.good()) return refuse_by(errno);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return refuse_by(errno);
  if (!S_ISREG(status.st_mode)) return std::unexpected("it is not a regular file");
  if (!lock_recording(file.get())) return std::unexpected("another process is recording to it");
  return file;
}

bool is_empty(int file) {
  struct stat status {};
  return ::fstat(file, &status) == 0 && status.st_size == 0;
}

// What is at the path is empty, or may be taken away.
Checked check_first_file(int file, bool overwrite) {
  if (is_empty(file)) return {};
  const bool is_recording = is_file_of_recording(file, "0");
  if (overwrite && is_recording) return {};
  return refuse_held(is_recording ? "it holds a recording already" : "it holds something else",
                     is_recording);
}

}  // namespace

std::expected<FirstFile, std::string> FirstFile::open(const std::string& path, bool goes_over,
                                                      bool overwrite) {
  FirstFile first;
  first.path_ = path;
  first.name_ = path;  // before there is a file: whatever fails then takes it away
  if (auto opened = first.open(goes_over, overwrite); !opened) {
    return std::unexpected(std::move(opened.error()));
  }
  return first;
}

// An empty file is taken as it is; an earlier recording not into its bytes: they may have another
// name.
Checked FirstFile::open(bool goes_over, bool overwrite) {
  const bool own = path_.starts_with(own_descriptors);
  OpenFile there(-1);
  if (!own) {
    // Before a file is made, and again once ours is locked.
    if (auto free = check_other_recordings(path_, goes_over); !free) return free;
    file_ = make_file(path_).take();
    made_ = file_ >= 0;
    if (!made_ && errno != EEXIST) return refuse_by(errno);
  }
  if (made_) {
    if (!lock_recording(file_)) return std::unexpected("another process is recording to it");
  } else {
    auto opened = open_what_is_there(path_);
    if (!opened) return std::unexpected(std::move(opened.error()));
    there = std::move(*opened);
    if (auto free = check_first_file(there.get(), overwrite && !own); !free) return free;
  }
  if (!own) {
    if (auto free = check_other_recordings(path_, goes_over); !free) return free;
    later_ = later_files_of(path_);
    if (auto free = check_later_files(later_, overwrite); !free) return free;
  }
  if (made_) return {};
  if (is_empty(there.get())) {
    if (::fchmod(there.get(), private_mode) != 0) return refuse_by(errno);
    file_ = there.take();
    return {};
  }
  if (!is_name_of(path_, there.get())) return std::unexpected("another process is recording to it");
  name_ = path_ + "." + std::to_string(::getpid()) + ".new";
  replaced_ = there.take();
  file_ = make_file(name_).take();
  made_ = file_ >= 0;
  if (!made_) return refuse_by(errno);
  if (!lock_recording(file_)) return std::unexpected("another process is recording to it");
  return {};
}

// The lock of the old file is held until the new one has its name, so that of two who overwrite at
// once one is refused.
Checked FirstFile::keep() {
  if (replaced_ >= 0) {
    if (!is_name_of(path_, replaced_)) {
      return std::unexpected("another process is recording to it");
    }
    if (::rename(name_.c_str(), path_.c_str()) != 0) return refuse_by(errno);
    ::close(std::exchange(replaced_, -1));
  }
  kept_ = true;
  for (const std::string& each : later_) ::unlink(each.c_str());
  return {};
}

FirstFile::~FirstFile() {
  if (file_ >= 0 && !kept_) {
    if (made_) {
      remove_own_file(name_, file_);
    } else {
      static_cast<void>(!::ftruncate(file_, 0));
    }
  }
  for (const int file : {file_, replaced_}) {
    if (file >= 0) ::close(file);
  }
}

void FirstFile::swap(FirstFile& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(replaced_, other.replaced_);
  std::swap(made_, other.made_);
  std::swap(kept_, other.kept_);
  path_.swap(other.path_);
  name_.swap(other.name_);
  later_.swap(other.later_);
}

void remove_own_file(const std::string& path, int file) {
  if (is_name_of(path, file)) ::unlink(path.c_str());
}

}  // namespace havklo::replay
