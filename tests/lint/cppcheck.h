/* For cppcheck, which does not read the headers of libraries. */
#pragma once
#define json_array_foreach(array, i, value) for (i = 0; (value = json_array_get(array, i)) != 0; i++)
#define json_object_foreach(object, key, value) while ((key = next_key(object)) != 0 && (value = json_object_get(object, key)) != 0)
