# cmake -DINPUT=FILE -DOUTPUT=FILE.h -DNAME=kName -P EmbedText.cmake: a header with the bytes of INPUT as a string_view. Cut in
# parts, as compilers limit the length of one literal.
file(READ "${INPUT}" text HEX)
string(LENGTH "${text}" digits)
set(parts "")
set(at 0)
while(at LESS digits)
  string(SUBSTRING "${text}" ${at} 8000 part)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "\\\\x\\1" part "${part}")
  string(APPEND parts "    \"${part}\"\n")
  math(EXPR at "${at} + 8000")
endwhile()
file(WRITE "${OUTPUT}" "#pragma once\n\n#include <string_view>\n\ninline constexpr std::string_view ${NAME} =\n${parts}    ;\n")
