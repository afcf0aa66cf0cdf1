// An event as a line of JSON, as the program prints it and design §1.4 names it.
//
//   {"seq":7,"time_ns":1234,"epoch":1,"event":"Reconnecting","attempt":1,"delay_ns":100000000,…,
//    "session":0}
//
// Prices and quantities are decimal strings with
// the venue's own digits; texts are escaped (RFC 8259).
#pragma once

#include <havklo/event.hpp>
#include <havklo/names.hpp>
#include <string>

namespace havklo::replay {

// Without a line end.
void append_json(std::string& out, const Event& event, const Names& names);

// "203.0.113.7:443", "[2001:db8::7]:443"; "" if there is none.
[[nodiscard]] std::string address_text(const Event::Connected& connected);

}  // namespace havklo::replay
