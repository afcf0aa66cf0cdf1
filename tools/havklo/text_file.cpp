// By C's streams, which keep the reason.
#include "havklo/text_file.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#include "replay/recording/format.hpp"

namespace havklo {
namespace {

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Close>;

// Nobody gets a night back. A pipe or a device is not looked into.
bool holds_a_recording(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return false;
  const File file(std::fopen(path.c_str(), "rb"));
  std::array<char, replay::recording_magic.size()> begin{};
  return file && std::fread(begin.data(), 1, begin.size(), file.get()) == begin.size() &&
         begin == replay::recording_magic;
}

}  // namespace

std::expected<void, std::string> write_text_file(const std::string& path, std::string_view text) {
  if (holds_a_recording(path)) {
    return std::unexpected("cannot write '" + path +
                           "': it holds a recording: write to another name");
  }
  const File file(std::fopen(path.c_str(), "wb"));
  if (!file || std::fwrite(text.data(), 1, text.size(), file.get()) != text.size() ||
      std::fflush(file.get()) != 0) {
    return std::unexpected("cannot write '" + path + "': " + std::strerror(errno));
  }
  return {};
}

}  // namespace havklo
