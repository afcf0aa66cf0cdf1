// A file that lives as long as the object.
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <havklo/assert.hpp>
#include <iterator>
#include <string>
#include <string_view>

namespace havklo {

class TemporaryFile {
 public:
  explicit TemporaryFile(std::string_view content = {})
      : path_((std::filesystem::temp_directory_path() / "havklo-XXXXXX").string()) {
    const int file = mkstemp(path_.data());
    HAVKLO_ASSERT(file >= 0);
    ::close(file);
    write(content);
  }
  ~TemporaryFile() { ::unlink(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  void write(std::string_view content) { std::ofstream(path_, std::ios::binary) << content; }
  [[nodiscard]] std::string content() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  std::string path_;
};

}  // namespace havklo
