// What the system's files say of a name: /etc/hosts and resolv.conf.
//
// Owns nothing; reads the file at each call, so that what changed is seen. A file that cannot be
// read says nothing.
// Why not c-ares: it reads the hosts file for one family at a time, and lets LOCALDOMAIN,
//             RES_OPTIONS and HOSTALIASES lead a name elsewhere (lesson 40).
// Source:  hosts(5), resolv.conf(5).
#pragma once

#include <cstdint>
#include <havklo/transport.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace havklo::io {

// The addresses of a name, of both families, in the file's order. A dot at its end changes nothing.
[[nodiscard]] std::vector<Endpoint> addresses_in_hosts_file(const std::string& path,
                                                            std::string_view name, uint16_t port);

// As what a name is asked of DNS, in order: itself alone when it holds a dot; else with each suffix
// of the last `search` or `domain` line first.
[[nodiscard]] std::vector<std::string> names_to_ask(const std::string& resolv_conf,
                                                    std::string_view name);

}  // namespace havklo::io
