# Fails when FILE is larger than LIMIT bytes, and removes it, so that the next build says so again.
file(SIZE "${FILE}" size)
if(size GREATER LIMIT)
  file(REMOVE "${FILE}")
  message(FATAL_ERROR "${FILE} has ${size} bytes, more than the ${LIMIT} that the agent may have")
endif()
