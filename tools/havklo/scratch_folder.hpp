// A folder for temporary files that is gone, with what is in it, when the object is.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace havklo {

class ScratchFolder {
 public:
  // Where TMPDIR says, else in /tmp. Error: one line.
  [[nodiscard]] static std::expected<ScratchFolder, std::string> make();
  ScratchFolder(ScratchFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}
  ScratchFolder& operator=(ScratchFolder&& other) noexcept {
    std::swap(path_, other.path_);
    return *this;
  }
  ~ScratchFolder();

  [[nodiscard]] std::string file(std::string_view name) const {
    return path_ + "/" + std::string(name);
  }

 private:
  explicit ScratchFolder(std::string path) : path_(std::move(path)) {}

  std::string path_;  // empty: moved from
};

}  // namespace havklo
