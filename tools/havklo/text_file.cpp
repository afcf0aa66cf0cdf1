// By C's streams, which keep the reason: of a folder it is told by the first read.
#include "havklo/text_file.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace havklo {
namespace {

struct Close {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, Close>;

std::unexpected<std::string> cannot(const char* do_what, const std::string& path) {
  return std::unexpected("cannot " + std::string(do_what) + " '" + path +
                         "': " + std::strerror(errno));
}

}  // namespace

std::expected<std::string, std::string> read_text_file(const std::string& path) {
  const File file(std::fopen(path.c_str(), "rb"));
  if (!file) return cannot("read", path);
  std::string text;
  std::array<char, 64 * 1024> piece{};
  for (;;) {
    const size_t size = std::fread(piece.data(), 1, piece.size(), file.get());
    text.append(piece.data(), size);
    if (std::ferror(file.get()) != 0) return cannot("read", path);
    if (size < piece.size()) return text;
  }
}

std::expected<void, std::string> write_text_file(const std::string& path, std::string_view text) {
  const File file(std::fopen(path.c_str(), "wb"));
  if (!file || std::fwrite(text.data(), 1, text.size(), file.get()) != text.size() ||
      std::fflush(file.get()) != 0) {
    return cannot("write", path);
  }
  return {};
}

}  // namespace havklo
