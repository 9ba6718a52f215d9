"""IPOPT's option names by kind, and the ones that lagrad sets itself.

The list is that of Ipopt 3.14.19 (`print_options_documentation yes`, advanced ones included); an older
or newer Ipopt has a few less or more, and refuses what it does not know.
"""

from __future__ import annotations

from lagrad.solvers.options import words

INTEGERS = words("""
    accept_after_max_steps acceptable_iter adaptive_mu_kkterror_red_iters derivative_test_first_index
    file_print_level filter_reset_trigger limited_memory_max_history limited_memory_max_skipping
    ma27_print_level ma57_block_size ma57_node_amalgamation ma57_pivot_order ma57_print_level
    ma57_small_pivot_flag ma77_buffer_lpage ma77_buffer_npage ma77_file_size ma77_maxstore ma77_nemin
    ma77_print_level ma86_nemin ma86_print_level ma97_nemin ma97_print_level max_filter_resets max_iter
    max_refinement_steps max_resto_iter max_soc max_soft_resto_iters min_refinement_steps
    mumps_mem_percent mumps_permuting_scaling mumps_pivot_order mumps_print_level mumps_scaling
    num_linear_variables pardiso_iter_coarse_size pardiso_iter_max_levels pardiso_iter_max_row_fill
    pardiso_max_droptol_corrections pardiso_max_iter pardiso_max_iterative_refinement_steps pardiso_msglvl
    print_frequency_iter print_level quality_function_max_section_steps soc_method spral_cpu_block_size
    spral_nemin spral_print_level watchdog_shortened_iter_trigger watchdog_trial_iter_max
""")

NUMBERS = words("""
    acceptable_compl_inf_tol acceptable_constr_viol_tol acceptable_dual_inf_tol acceptable_obj_change_tol
    acceptable_tol adaptive_mu_kkterror_red_fact adaptive_mu_monotone_init_factor alpha_for_y_tol
    alpha_min_frac alpha_red_factor barrier_tol_factor bound_frac bound_mult_init_val
    bound_mult_reset_threshold bound_push bound_relax_factor compl_inf_tol constr_mult_init_max
    constr_mult_reset_threshold constr_viol_tol corrector_compl_avrg_red_fact delta
    derivative_test_perturbation derivative_test_tol diverging_iterates_tol dual_inf_tol eta_phi
    expect_infeasible_problem_ctol expect_infeasible_problem_ytol filter_margin_fact filter_max_margin
    findiff_perturbation first_hessian_perturbation gamma_phi gamma_theta jacobian_regularization_exponent
    jacobian_regularization_value kappa_d kappa_sigma kappa_soc limited_memory_init_val
    limited_memory_init_val_max limited_memory_init_val_min ma27_la_init_factor ma27_liw_init_factor
    ma27_meminc_factor ma27_pivtol ma27_pivtolmax ma57_pivtol ma57_pivtolmax ma57_pre_alloc ma77_small
    ma77_static ma77_u ma77_umax ma86_small ma86_static ma86_u ma86_umax ma97_small ma97_u ma97_umax
    max_cpu_time max_hessian_perturbation max_wall_time min_hessian_perturbation mu_init
    mu_linear_decrease_factor mu_max mu_max_fact mu_min mu_superlinear_decrease_power mu_target
    mumps_dep_tol mumps_pivtol mumps_pivtolmax neg_curv_test_tol nlp_lower_bound_inf
    nlp_scaling_constr_target_gradient nlp_scaling_max_gradient nlp_scaling_min_value
    nlp_scaling_obj_target_gradient nlp_upper_bound_inf nu_inc nu_init obj_max_inc obj_scaling_factor
    pardiso_iter_dropping_factor pardiso_iter_dropping_schur pardiso_iter_inverse_norm_factor
    pardiso_iter_relative_tol perturb_dec_fact perturb_inc_fact perturb_inc_fact_first
    point_perturbation_radius print_frequency_time quality_function_section_qf_tol
    quality_function_section_sigma_tol recalc_y_feas_tol required_infeasibility_reduction
    residual_improvement_factor residual_ratio_max residual_ratio_singular
    resto_failure_feasibility_threshold resto_penalty_parameter resto_proximity_weight rho s_max s_phi
    s_theta sigma_max sigma_min slack_bound_frac slack_bound_push slack_move
    soft_resto_pderror_reduction_factor spral_gpu_perf_coeff spral_max_load_inbalance spral_min_gpu_work
    spral_small spral_small_subtree_threshold spral_u spral_umax tau_min theta_max_fact theta_min_fact
    tiny_step_tol tiny_step_y_tol tol warm_start_bound_frac warm_start_bound_push
    warm_start_mult_bound_push warm_start_mult_init_max warm_start_slack_bound_frac
    warm_start_slack_bound_push warm_start_target_mu
""")

WORDS = words("""
    accept_every_trial_step adaptive_mu_globalization adaptive_mu_kkt_norm_type
    adaptive_mu_restore_previous_iterate alpha_for_y bound_mult_init_method check_derivatives_for_naninf
    constraint_violation_norm_type corrector_type dependency_detection_with_rhs dependency_detector
    derivative_test derivative_test_print_all evaluate_orig_obj_at_resto_trial expect_infeasible_problem
    fast_step_computation file_append fixed_mu_oracle fixed_variable_treatment grad_f_constant
    gradient_approximation hessian_approximation hessian_approximation_space hessian_constant
    honor_original_bounds hsllib inf_pr_output jac_c_constant jac_d_constant jacobian_approximation
    least_square_init_duals least_square_init_primal limited_memory_aug_solver
    limited_memory_initialization limited_memory_special_for_resto limited_memory_update_type
    line_search_method linear_scaling_on_demand linear_solver linear_system_scaling
    ma27_ignore_singularity ma27_skip_inertia_check ma57_automatic_scaling ma77_order ma86_order
    ma86_scaling ma97_order ma97_scaling ma97_scaling1 ma97_scaling2 ma97_scaling3 ma97_solve_blas3
    ma97_switch1 ma97_switch2 ma97_switch3 mehrotra_algorithm mu_allow_fast_monotone_decrease mu_oracle
    mu_strategy neg_curv_test_reg nlp_scaling_method option_file_name output_file pardiso_iterative
    pardiso_matching_strategy pardiso_order pardiso_redo_symbolic_fact_only_if_inertia_wrong
    pardiso_repeated_perturbation_means_singular pardiso_skip_inertia_check pardisolib perturb_always_cd
    print_advanced_options print_info_string print_options_documentation print_options_mode
    print_timing_statistics print_user_options quality_function_balancing_term quality_function_centrality
    quality_function_norm_type recalc_y replace_bounds sb skip_corr_if_neg_curv skip_corr_in_monotone_mode
    skip_finalize_solution_call spral_ignore_numa spral_order spral_pivot_method spral_scaling
    spral_scaling_1 spral_scaling_2 spral_scaling_3 spral_switch_1 spral_switch_2 spral_switch_3
    spral_use_gpu start_with_resto timing_statistics warm_start_entire_iterate warm_start_init_point
    warm_start_same_structure
""")

KINDS = dict.fromkeys(INTEGERS, int) | dict.fromkeys(NUMBERS, float) | dict.fromkeys(WORDS, str)

# Of linear solvers that other builds of Ipopt have; their kinds are left to Ipopt.
ELSEWHERE = words("""
    ma28_pivtol magic_steps pardisomkl_matching_strategy pardisomkl_max_iterative_refinement_steps
    pardisomkl_msglvl pardisomkl_order pardisomkl_redo_symbolic_fact_only_if_inertia_wrong
    pardisomkl_repeated_perturbation_means_singular pardisomkl_skip_inertia_check wsmp_inexact_droptol
    wsmp_inexact_fillin_limit wsmp_max_iter wsmp_no_pivoting wsmp_num_threads wsmp_ordering_option
    wsmp_ordering_option2 wsmp_pivtol wsmp_pivtolmax wsmp_scaling wsmp_singularity_threshold
    wsmp_skip_inertia_check wsmp_write_matrix_iteration
""")

OWNED = {
    "option_file_name": "lagrad never reads options from a file, since whoever can write to the working "
    "directory could change results or load a library. Pass them here.",
    "check_derivatives_for_naninf": "it is always on: without it a NaN in a derivative crashes the process.",
    "jacobian_approximation": "lagrad gives exact Jacobians.",
    "gradient_approximation": "lagrad gives exact gradients.",
    "skip_finalize_solution_call": "without that call no solution would come back.",
    "nlp_lower_bound_inf": "lagrad treats bounds of 1e20 and beyond as infinite, for every solver.",
    "nlp_upper_bound_inf": "lagrad treats bounds of 1e20 and beyond as infinite, for every solver.",
}

# IPOPT relaxes every bound and side by 1e-8 of its size and moves the result back in the end; where
# multipliers or curvature are large, that shows in the sixth digit. A hundredth of it costs nothing (on the
# Hock-Schittkowski problems 113 of 113 results are accurate instead of 108, in fewer iterations).
DEFAULTS = {"print_level": 0, "sb": "yes", "honor_original_bounds": "yes", "bound_relax_factor": 1e-10}

# Set after the user's own, so that nothing can undo them.
ALWAYS = {"option_file_name": "", "check_derivatives_for_naninf": "yes"}
