// The syntax of an HTTP/1.1 head: lines, fields, lists.
//
// Owns nothing; views into the head.
// Strict: no folded lines but by unfold(), no space before the colon, no control characters in
//         values.
// Source: RFC 9112, 2 to 5.
#pragma once

#include <span>
#include <string_view>

namespace havklo::websocket {

struct Field {
  std::string_view name;
  std::string_view value;  // without white space around it
};

// Makes spaces of the line ends before lines that go on with the field above (5.2: what a client
// must do; a server may refuse them). A line that follows the first one is left as it is: that is
// no field.
void unfold(std::span<char> head);

// Reads a head line by line. Every line must end with CR LF, the head with an empty line.
class HeadReader {
 public:
  explicit HeadReader(std::string_view head) : rest_(head) {}

  // The next line without its end; empty at the end of the head.
  [[nodiscard]] std::string_view line();

 private:
  std::string_view rest_;
};

// False when the line is not a field.
[[nodiscard]] bool parse_field(std::string_view line, Field& field);

// Equal but for the case of ASCII letters.
[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b);

// True when the comma-separated `list` names `token`, in any case.
[[nodiscard]] bool list_names(std::string_view list, std::string_view token);

}  // namespace havklo::websocket
