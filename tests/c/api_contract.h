// SPDX-License-Identifier: Apache-2.0
//
// api_contract calls the C contract library as its arguments say and prints what came back. It has
// several source files, C and C++, because contracts have.
//
// Threads: one.
#ifndef API_CONTRACT_H
#define API_CONTRACT_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct api_command {
    const char* name;
    void (*run)(int argc, char** argv);
};

/// The name of errno, for the values the library documents.
const char* api_errno(void);
/// Prints `<what>: <result>`, and errno if the result is -1.
void api_print(const char* what, int result);

/// The table of a source file, ended by a row without a name.
const struct api_command* api_npl_commands(void);
const struct api_command* api_config_commands(void);
const struct api_command* api_output_commands(void);

/// What C++ files see: one includes the library within extern "C", the other as it is.
size_t api_wrapped_users(void);
size_t api_plain_users(void);

#ifdef __cplusplus
}
#endif

#endif
