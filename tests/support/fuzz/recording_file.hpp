// The bytes of a recording as files in memory, which a reader opens by a path.
//
// What stands behind a closing block that says that another file goes on is that file.
// Owns:    the files, and the folder in memory that they lie in.
// Threads: one; each process has a folder of its own.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "support/fuzz/block_walk.hpp"

namespace havklo::fuzz {

class RecordingFiles {
 public:
  explicit RecordingFiles(std::span<const uint8_t> bytes) {
    size_t begin = 0;
    size_t at = 0;
    while (const auto block = block_at(bytes, at)) {
      if (block->payload_bytes > bytes.size() - at - head_bytes) break;
      at += head_bytes + block->payload_bytes;
      const bool goes_on = block->kind == 2 && block->payload_bytes >= 4 && at != bytes.size() &&
                           word_at<uint32_t>(bytes, block->offset + head_bytes) == 1;
      if (!goes_on || parts_.size() + 1 == files_max) continue;
      parts_.push_back(bytes.subspan(begin, at - begin));
      begin = at;
    }
    parts_.push_back(bytes.subspan(begin));
    for (size_t i = 0; i < parts_.size(); ++i) {
      std::ofstream file(path_of(i), std::ios::binary | std::ios::trunc);
      file.write(reinterpret_cast<const char*>(parts_[i].data()),
                 static_cast<std::streamsize>(parts_[i].size()));
    }
  }
  ~RecordingFiles() {
    for (size_t i = 0; i < parts_.size(); ++i) ::unlink(path_of(i).c_str());
  }
  RecordingFiles(const RecordingFiles&) = delete;
  RecordingFiles& operator=(const RecordingFiles&) = delete;

  [[nodiscard]] std::string path() const { return path_of(0); }
  [[nodiscard]] const std::vector<std::span<const uint8_t>>& parts() const { return parts_; }

 private:
  static constexpr size_t files_max = 4;

  static std::filesystem::path home() {
    const std::filesystem::path memory = "/dev/shm";
    std::error_code error;
    return std::filesystem::is_directory(memory, error) ? memory
                                                        : std::filesystem::temp_directory_path();
  }
  static std::string path_of(size_t number) {
    struct Folder {
      std::filesystem::path path = home() / ("havklo-fuzz-" + std::to_string(::getpid()));
      Folder() { std::filesystem::create_directory(path); }
      ~Folder() {
        std::error_code error;
        std::filesystem::remove_all(path, error);
      }
    };
    static const Folder folder;
    return (folder.path / "r.hvk").string() + (number == 0 ? "" : "." + std::to_string(number));
  }

  std::vector<std::span<const uint8_t>> parts_;
};

}  // namespace havklo::fuzz
