// A file's text, whole. Errors: one line with the name and the system's reason.
#pragma once

#include <cstddef>
#include <expected>
#include <string>
#include <string_view>

namespace havklo {

// Beyond it a text is refused: a device has no end. The longest that somebody writes (the lines of
// many sweeps) is a hundredth of it.
inline constexpr size_t text_file_bytes_max = 64 * 1024 * 1024;
[[nodiscard]] std::expected<std::string, std::string> read_text_file(
    const std::string& path, size_t bytes_max = text_file_bytes_max);
// Until the system has taken every byte; what was there before is gone. A recording is refused.
[[nodiscard]] std::expected<void, std::string> write_text_file(const std::string& path,
                                                               std::string_view text);

}  // namespace havklo
