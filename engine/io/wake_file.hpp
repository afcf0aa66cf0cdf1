// By which any thread wakes the loop, however it sleeps: a descriptor that is readable from a
// wake() until forget().
//
// Owns:    an eventfd.
// Threads: wake() may be called by any, all else by the loop's.
// Cost:    a system call each.
#pragma once

#include <expected>
#include <string>

namespace havklo::io {

class WakeFile {
 public:
  [[nodiscard]] static std::expected<WakeFile, std::string> create();
  WakeFile(WakeFile&& other) noexcept;
  WakeFile& operator=(WakeFile&&) = delete;
  ~WakeFile();

  void wake() const noexcept;
  void forget() const noexcept;
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  explicit WakeFile(int descriptor) : descriptor_(descriptor) {}

  int descriptor_;
};

}  // namespace havklo::io
