// By C's streams, which keep the reason: of a folder it is told by the first read.
#include "replay/text/file_text.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace havklo::replay {
namespace {

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

std::unexpected<std::string> cannot_read(const std::string& path) {
  return std::unexpected("cannot read '" + path + "': " + std::strerror(errno));
}

}  // namespace

std::expected<std::string, std::string> read_text_file(const std::string& path, size_t bytes_max) {
  const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "rb"));
  if (!file) return cannot_read(path);
  std::string text;
  std::array<char, 64 * 1024> piece{};
  for (;;) {
    const size_t size = std::fread(piece.data(), 1, piece.size(), file.get());
    text.append(piece.data(), size);
    if (std::ferror(file.get()) != 0) return cannot_read(path);
    if (text.size() > bytes_max) {
      return std::unexpected("cannot read '" + path + "': it is longer than " +
                             std::to_string(bytes_max / (1024 * 1024)) + " MB");
    }
    if (size < piece.size()) return text;
  }
}

}  // namespace havklo::replay
