// A file's text, whole. Errors: one line with the name and the system's reason.
#pragma once

#include <cstddef>
#include <expected>
#include <string>

namespace havklo::replay {

// Beyond it a text is refused: a device has no end. The longest that somebody writes (the lines of
// many sweeps) is a hundredth of it.
inline constexpr size_t text_file_bytes_max = 64 * 1024 * 1024;
[[nodiscard]] std::expected<std::string, std::string> read_text_file(
    const std::string& path, size_t bytes_max = text_file_bytes_max);

}  // namespace havklo::replay
