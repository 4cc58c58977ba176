// SPDX-License-Identifier: Apache-2.0
// What the writer and the reader of deltas share: the constants and rules of the file format in
// docs/protocol/state.md. Private to delta.cpp and delta_writer.cpp. Pure; any thread.
#pragma once

#include <string_view>

#include "hp/base/limits.hpp"

namespace hp::state::delta_format {

inline constexpr std::string_view magic = "hpdelta1";
inline constexpr std::size_t buffer_bytes = 256 * 1024;
inline constexpr std::size_t name_bytes_max = 255;
inline constexpr std::size_t path_bytes_max = (limits::state_depth_max + 2) * (name_bytes_max + 1);
inline constexpr std::size_t target_bytes_max = 4095;

inline constexpr std::uint8_t flag_executable = 1;
inline constexpr std::uint8_t flag_fresh = 2;
inline constexpr std::uint8_t form_zero = 0;
inline constexpr std::uint8_t form_bytes = 1;

// Only patch.cfg and what lies below state/; no component may lead elsewhere.
bool is_valid_path(std::string_view path);

} // namespace hp::state::delta_format
