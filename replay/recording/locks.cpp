// Up to the recording of which `path` would be a later file, down to those in later files of ours.
#include "replay/recording/locks.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>

namespace havklo::replay {
namespace {

// `3` of `night.hvk.3`; "" when that is no name of a later file.
std::string_view number_of(std::string_view path) {
  const size_t point = path.rfind('.');
  if (point == std::string_view::npos || point == 0) return {};
  const std::string_view number = path.substr(point + 1);
  const bool digits = std::ranges::all_of(number, [](char c) { return c >= '0' && c <= '9'; });
  return digits && !number.starts_with('0') ? number : std::string_view{};
}

// O_NONBLOCK: a FIFO must not hold us up. What cannot be opened is nobody's recording, as far as we
// can know.
bool is_being_recorded(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return false;
  struct stat status {};
  const bool regular = ::fstat(file, &status) == 0 && S_ISREG(status.st_mode);
  const bool locked = regular && ::flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  ::close(file);
  return locked;
}

// "" when there is none.
std::string running_recording_before(const std::string& path) {
  const std::string_view number = number_of(path);
  if (number.empty()) return "";
  const std::string first = path.substr(0, path.size() - number.size() - 1);
  return is_being_recorded(first) ? first : "";
}

}  // namespace

bool lock_recording(int file) { return ::flock(file, LOCK_EX | LOCK_NB) == 0; }

std::expected<void, std::string> check_other_recordings(const std::string& path, bool goes_over) {
  std::error_code error;
  const std::string target = std::filesystem::weakly_canonical(path, error).string();  // of a link
  for (const std::string& name : {path, target}) {
    const std::string first = running_recording_before(name);
    if (first.empty()) continue;
    return std::unexpected("another process is recording to '" + first +
                           "', whose later file it would be");
  }
  if (!goes_over) return {};
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  std::filesystem::directory_iterator entry(folder.empty() ? "." : folder, error);
  const std::filesystem::directory_iterator end;
  for (; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const std::string later_number(number_of(name));
    const std::string later = path + "." + later_number;
    if (later_number.empty() || std::filesystem::path(later).filename() != name) continue;
    if (is_being_recorded(later)) {
      return std::unexpected("another process is recording to '" + later +
                             "', which would be a later file of this recording");
    }
  }
  return {};
}

}  // namespace havklo::replay
