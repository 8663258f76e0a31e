/* site.js - asks before a changed edit form is left. */
(function ($) {
  "use strict";

  $(function () {
    var form = $("form[method=post]");
    var changed = false;
    form.on("input", function () {
      changed = true;
    });
    form.on("submit", function () {
      changed = false;
    });
    $(window).on("beforeunload", function (event) {
      if (changed) {
        event.preventDefault();
      }
    });
  });
})(jQuery);
