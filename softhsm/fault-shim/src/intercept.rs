//! What happens at every call: consult the plan, write the trace, ask the token or not.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use cryptoki_sys::{CK_RV, CKR_GENERAL_ERROR, CKR_OK};

use crate::module;
use crate::output::Output;
use crate::plan::{Answer, Plan, PlanError};

/// Where the plan and the trace are, and how far the plan has come.
pub(crate) struct Interceptor {
    plan: Option<PathBuf>,
    trace: Option<PathBuf>,
    progress: Mutex<Progress>,
}

/// The plan as last read, and for each of its rules the calls that counted.
#[derive(Default)]
struct Progress {
    text: String,
    plan: Plan,
    counts: Vec<u64>,
}

impl Interceptor {
    pub(crate) fn from_environment() -> Self {
        let path = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Self {
            plan: path("STRONGROOM_FAULT_PLAN"),
            trace: path("STRONGROOM_FAULT_TRACE"),
            progress: Mutex::default(),
        }
    }

    /// Makes a call as the plan wants it; `ask` asks the token.
    pub(crate) fn call(&self, function: &str, output: &Output, ask: impl FnOnce() -> CK_RV) -> CK_RV {
        let answer = match self.answer(function, output) {
            Ok(answer) => answer,
            // To pass the call on would let a test pass whose plan means nothing.
            Err(error) => return module::refuse(&error, CKR_GENERAL_ERROR),
        };
        self.note(function, answer.as_ref());
        match answer {
            None => ask(),
            Some(Answer::Code(code)) => code,
            Some(Answer::Hang(duration)) => {
                std::thread::sleep(duration);
                ask()
            }
            Some(spoilt) => {
                let code = ask();
                if code == CKR_OK {
                    output.spoil(&spoilt);
                }
                code
            }
        }
    }

    fn answer(&self, function: &str, output: &Output) -> Result<Option<Answer>, PlanError> {
        let Some(text) = self.plan.as_deref().and_then(read) else { return Ok(None) };
        let mut progress = self.progress.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if progress.text != text {
            let plan = Plan::parse(&text)?;
            *progress = Progress { counts: vec![0; plan.rules().len()], text, plan };
        }
        Ok(progress.count(function, output))
    }

    /// One write for each line, so that lines of several threads and processes do not mix.
    fn note(&self, function: &str, answer: Option<&Answer>) {
        let Some(path) = &self.trace else { return };
        let line = answer.map_or_else(|| format!("{function}\n"), |answer| format!("{function} {answer}\n"));
        let written = OpenOptions::new()
            .append(true)
            .create(true)
            .open(path)
            .and_then(|mut file| file.write_all(line.as_bytes()));
        if let Err(error) = written {
            module::complain(&format!("cannot write to the trace {}: {error}", path.display()));
        }
    }
}

impl Progress {
    fn count(&mut self, function: &str, output: &Output) -> Option<Answer> {
        let mut chosen = None;
        for (rule, count) in self.plan.rules().iter().zip(&mut self.counts) {
            if rule.counts(function, output.shape()) {
                *count += 1;
                chosen = chosen.or_else(|| rule.answer(*count));
            }
        }
        chosen.cloned()
    }
}

fn read(plan: &Path) -> Option<String> {
    std::fs::read_to_string(plan).ok()
}

#[cfg(test)]
mod tests {
    use super::Interceptor;
    use crate::output::Output;
    use cryptoki_sys::{CKR_DEVICE_ERROR, CKR_GENERAL_ERROR, CKR_OK, CKR_TOKEN_NOT_PRESENT};
    use std::path::PathBuf;
    use std::sync::Mutex;

    /// Files of one test, removed when it ends.
    struct Files(PathBuf);

    impl Files {
        fn new(name: &str) -> Self {
            let directory =
                std::env::temp_dir().join(format!("strongroom-intercept-{}-{name}", std::process::id()));
            std::fs::create_dir_all(&directory).unwrap();
            Self(directory)
        }

        fn interceptor(&self) -> Interceptor {
            Interceptor {
                plan: Some(self.0.join("plan")),
                trace: Some(self.0.join("trace")),
                progress: Mutex::default(),
            }
        }

        fn plan(&self, text: &str) {
            std::fs::write(self.0.join("plan"), text).unwrap();
        }

        fn trace(&self) -> String {
            std::fs::read_to_string(self.0.join("trace")).unwrap()
        }
    }

    impl Drop for Files {
        fn drop(&mut self) {
            std::fs::remove_dir_all(&self.0).unwrap();
        }
    }

    #[test]
    fn chosen_call_is_answered_without_asking_the_token() {
        let files = Files::new("chosen");
        files.plan("C_Login 2 CKR_DEVICE_ERROR\n");
        let interceptor = files.interceptor();
        let mut asked = 0;
        let mut call = |function| {
            interceptor.call(function, &Output::nothing(), || {
                asked += 1;
                CKR_OK
            })
        };
        let answers = [call("C_Login"), call("C_Logout"), call("C_Login"), call("C_Login")];
        assert_eq!(answers, [CKR_OK, CKR_OK, CKR_DEVICE_ERROR, CKR_OK]);
        assert_eq!(asked, 3);
        assert_eq!(files.trace(), "C_Login\nC_Logout\nC_Login CKR_DEVICE_ERROR\nC_Login\n");
    }

    #[test]
    fn new_plan_counts_from_its_first_call_and_no_plan_passes_all_on() {
        let files = Files::new("anew");
        let interceptor = files.interceptor();
        let call = || interceptor.call("C_Login", &Output::nothing(), || CKR_OK);
        assert_eq!(call(), CKR_OK);
        files.plan("C_Login 2 CKR_DEVICE_ERROR");
        assert_eq!([call(), call(), call()], [CKR_OK, CKR_DEVICE_ERROR, CKR_OK]);
        files.plan("# again\nC_Login 2 CKR_DEVICE_ERROR");
        assert_eq!([call(), call(), call()], [CKR_OK, CKR_DEVICE_ERROR, CKR_OK]);
        std::fs::remove_file(files.0.join("plan")).unwrap();
        assert_eq!([call(), call()], [CKR_OK, CKR_OK]);
    }

    #[test]
    fn rule_for_any_function_counts_them_all_and_the_first_rule_wins() {
        let files = Files::new("any");
        files.plan("* 3- CKR_TOKEN_NOT_PRESENT\nC_Login * CKR_DEVICE_ERROR");
        let interceptor = files.interceptor();
        let call = |function| interceptor.call(function, &Output::nothing(), || CKR_OK);
        let answers = [call("C_Login"), call("C_Logout"), call("C_Login"), call("C_Logout")];
        assert_eq!(answers, [CKR_DEVICE_ERROR, CKR_OK, CKR_TOKEN_NOT_PRESENT, CKR_TOKEN_NOT_PRESENT]);
    }

    #[test]
    fn plan_that_means_nothing_fails_every_call() {
        let files = Files::new("nonsense");
        files.plan("C_Login once CKR_DEVICE_ERROR");
        let code = files.interceptor().call("C_Logout", &Output::nothing(), || CKR_OK);
        assert_eq!(code, CKR_GENERAL_ERROR);
    }
}
