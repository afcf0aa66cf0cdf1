// Opens the first file of a recording so that nothing is lost by it.
//
// Nothing that a path holds is written to: neither it nor any of its later files (path.1, path.2 …)
// may be there, but for an empty file of that name. With `overwrite` they may be files of an
// earlier recording, which are taken away when the new one is kept: a start that fails leaves them
// whole. Until then ours stands beside it (path.PID.new). Anything else is refused all the same. A
// symbolic link is never followed, but for a descriptor of our own (/proc/self/fd/N). A recording
// is for who made it alone (mode 0600).
//
// Two recordings at once are kept out of each other's files. Only the first file of each is locked,
// for as long as it goes on: the next ones are opened by io_uring, which knows no lock, and the
// loop must make no call of its own. So the lock stands for all files of that name, and whoever
// begins looks for the locks of those with whom it could share one: after it has locked its own, so
// that of two who begin at once one sees the other. Not seen: another name of the same file (a hard
// link).
// Errors:  in words that go on after "cannot record to 'path': ", with the ways out.
// Cost:    some system calls, and a look through the folder; before the loop begins.
#pragma once

#include <expected>
#include <string>
#include <vector>

namespace havklo::replay {

// Not kept, it leaves the folder as it was found.
class FirstFile {
 public:
  // `goes_over`: the recording has a limit, so that path.1, path.2 … may become its files.
  [[nodiscard]] static std::expected<FirstFile, std::string> open(const std::string& path,
                                                                  bool goes_over, bool overwrite);
  FirstFile() = default;
  ~FirstFile();
  FirstFile(FirstFile&& other) noexcept { swap(other); }
  FirstFile& operator=(FirstFile&& other) noexcept {
    swap(other);
    return *this;
  }
  FirstFile(const FirstFile&) = delete;
  FirstFile& operator=(const FirstFile&) = delete;

  // Locked, empty, for writing; open as long as this lives. -1: none.
  [[nodiscard]] int file() const { return file_; }
  // From now on it is the recording of that path; what an earlier one had there is gone. Once.
  [[nodiscard]] std::expected<void, std::string> keep();
  [[nodiscard]] bool is_kept() const { return kept_; }

 private:
  [[nodiscard]] std::expected<void, std::string> open(bool goes_over, bool overwrite);
  void swap(FirstFile& other) noexcept;

  int file_ = -1;
  int replaced_ = -1;  // the earlier recording, locked until ours has its name
  bool made_ = false;
  bool kept_ = false;
  std::string path_;
  std::string name_;                // what ours is called until it is kept
  std::vector<std::string> later_;  // of the earlier recording
};

// Removes `path` if it is still the name of `file`.
void remove_own_file(const std::string& path, int file);

}  // namespace havklo::replay
